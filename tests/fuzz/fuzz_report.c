/* fuzz_report.c - arbitrary bytes as what report reads: a run of any kind, the log beside a good recipe, the journal of a folder. Whatever is in
 * them, the page holds no tag that the report did not write. */
#include <ssgcam/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/report/report.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char folder[] = "/tmp/ssgcam-fuzz-XXXXXX";
static const char recipe[] = "{\"ssgcam_recipe\": 1, \"threshold\": 77, \"layers\": [{\"name\": \"a\", \"weight\": 127}], \"search\": {\"fitness\": "
                             "\"miou\", \"searched\": {\"mean_iou\": 0.5, \"foreground_iou\": 0.25}}}";

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

static void clean_up(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) fprintf(stderr, "%s is left behind\n", folder);
}

static void set_up(void)
{
    if (!mkdtemp(folder)) abort();
    atexit(clean_up);
    if (mkdir(path_of("run"), 0700) != 0) abort();
    put("recipe.json", recipe, sizeof recipe - 1);
}

static void show(const char *name)
{
    ssg_html page = {0};
    const char *path = path_of(name);
    if (ssg_report_page(&page, &path, 1) == SSGCAM_OK && (strstr(page.text, "<script") || strlen(page.text) != page.used)) abort();
    ssg_html_clear(&page);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static int ready;
    if (!ready) set_up();
    ready = 1;
    put("any", data, size);
    put("recipe.log.jsonl", data, size);
    put("run/journal.jsonl", data, size);
    show("any");
    show("recipe.json");
    show("run");
    return 0;
}
