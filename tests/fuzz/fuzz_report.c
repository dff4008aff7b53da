/* fuzz_report.c - arbitrary bytes as what report reads: a run of any kind, the log beside a good recipe, the journal of a folder. Whatever is in
 * them, the page holds no tag that the report did not write. */
#include <ssgcam/report.h>
#include <string.h>

#include "host/report/report.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char recipe[] = "{\"ssgcam_recipe\": 1, \"threshold\": 77, \"layers\": [{\"name\": \"a\", \"weight\": 127}], \"search\": {\"fitness\": "
                             "\"miou\", \"searched\": {\"mean_iou\": 0.5, \"foreground_iou\": 0.25}}}";

static void set_up(void)
{
    make_folder((const char *const[]){"run"}, 1);
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
