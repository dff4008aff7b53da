/* explain_files.h - names and contents of what `explain` writes. */
#ifndef SSG_PIPELINE_EXPLAIN_FILES_H
#define SSG_PIPELINE_EXPLAIN_FILES_H

#include <ssgcam/explain.h>

#include "host/data/tensor_input.h"

/* Whose files they are, and what has been written so far. Start with the first four set and the rest zero. */
typedef struct ssg_explain_files {
    const char *folder, *input;
    size_t label;
    long image; /* number within an array of several, -1 for one alone */
    char *list; /* names written, separated by newlines; free with ssg_free */
} ssg_explain_files;

/* FOLDER/STEM[.I].CLASS[.LAYER]SUFFIX; layer may be NULL. */
ssgcam_status ssg_explain_write_array(ssg_explain_files *files, const char *layer, const char *suffix, const float *values, int rank,
                                      const size_t *dims);

/* The fused map (height x width, what the network saw) over `picture`, or over nothing where picture is NULL (an array has none): overlay and heat
 * map as `save` asks. */
ssgcam_status ssg_explain_write_pictures(ssg_explain_files *files, unsigned save, const float *map, int height, int width, const ssg_image *picture,
                                         const ssg_region *region);

#endif
