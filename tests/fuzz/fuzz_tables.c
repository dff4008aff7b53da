/* fuzz_tables.c - arbitrary bytes as data.csv, as VOC's annotation of an image, and as the journal of a run. */
#include <ssgcam/dataset.h>
#include <string.h>

#include "host/pipeline/journal.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void set_up(void)
{
    static const char *const parts[] = {"JPEGImages", "Annotations", "ImageSets", "ImageSets/Main"};
    ssgcam_set_remarks(SSGCAM_REMARKS_NONE);
    make_folder(parts, 4);
    put("ImageSets/Main/train.txt", "a\n", 2);
    put("done.png", "x", 1);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const classes[] = {"cat", "dog"};
    static const ssg_journal_setting settings[] = {{"model", "m"}, {"recipe", "r"}};
    static int ready;
    if (!ready) set_up();
    ready = 1;
    put("data.csv", data, size);
    put("journal.jsonl", data, size);
    put("Annotations/a.xml", data, size);
    ssgcam_dataset *dataset;
    for (int named = 0; named < 2; named++) {
        ssgcam_dataset_options options = {.data = folder, .classes = named ? classes : NULL, .class_count = named ? 2 : 0};
        if (ssgcam_dataset_load(&dataset, &options) == SSGCAM_OK) ssgcam_dataset_destroy(&dataset);
    }
    if (ssgcam_dataset_load(&dataset, &(ssgcam_dataset_options){.voc = folder}) == SSGCAM_OK) ssgcam_dataset_destroy(&dataset);
    ssg_journal *journal;
    if (ssg_journal_open(&journal, folder, "journal.jsonl", settings, 2, 0) == SSGCAM_OK) {
        ssg_journal_has(journal, "a", "done.png");
        ssg_journal_add(journal, "b", "done.png", (const uint8_t *)"x", 1, (const int[]){0}, 1);
        ssg_journal_classes(journal, "a", (int[2]){0}, 2);
        ssg_journal_close(&journal);
    }
    return 0;
}
