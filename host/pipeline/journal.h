/* journal.h - what is finished, with checksums: one JSON line each, behind a first line that says whose work it is. */
#ifndef SSG_PIPELINE_JOURNAL_H
#define SSG_PIPELINE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

typedef struct ssg_journal ssg_journal;

/* A setting that must be the same for work to be continued, e.g. {"recipe", "<digest>"}. */
typedef struct ssg_journal_setting {
    const char *name, *value;
} ssg_journal_setting;

/* Opens or starts OUT/name. An existing journal of other settings is refused with the first difference named, unless `fresh`. A torn last line is
 * dropped. */
ssgcam_status ssg_journal_open(ssg_journal **out, const char *folder, const char *name, const ssg_journal_setting *settings, size_t count, int fresh);

/* Whether `id` was finished and its file `path` (relative to the folder) still has the recorded length and checksum. */
int ssg_journal_has(const ssg_journal *journal, const char *id, const char *path);

/* Records why an item failed, for whoever reads the journal; it is tried again when the run is continued. */
ssgcam_status ssg_journal_fail(ssg_journal *journal, const char *id, const char *why);

/* Records a finished item, and the classes that were looked at. */
ssgcam_status ssg_journal_add(ssg_journal *journal, const char *id, const char *path, const uint8_t *bytes, size_t size, const int *classes,
                              int class_count);

/* The classes of an item that was finished before this run: their number, of which `most` are filled in; 0 where the journal does not say. */
int ssg_journal_classes(const ssg_journal *journal, const char *id, int *classes, int most);

void ssg_journal_close(ssg_journal **journal);

#endif
