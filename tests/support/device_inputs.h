/* device_inputs.h - what the tests of the library on a device work on, a real one or the simulated one: a small model, pictures of the demo, a folder
 * for results. */
#ifndef TESTS_SUPPORT_DEVICE_INPUTS_H
#define TESTS_SUPPORT_DEVICE_INPUTS_H

#include <ssgcam/ssgcam.h>

enum { IMAGES = 5 };

extern ssgcam_model *model;
extern ssgcam_dataset *data; /* IMAGES of them, without labels */
void open_inputs(void);
void close_inputs(void);

/* On the simulated device: what is on record is a failure, and so is what is still alive. */
void no_faults(const char *during);
/* And whether it looks at every access. */
void look_closely(int on);

extern char work[];
void make_work(void);
void remove_work(void);
const char *folder(const char *name); /* its path inside; good for three more calls */

/* The maps of some images for two classes. */
enum { MOST_MAPS = 64 };
typedef struct maps {
    float *map[MOST_MAPS];
    size_t count, pixels;
} maps;
ssgcam_status explain(const char *device_name, const ssgcam_method_options *method, size_t images, maps *all);
void free_maps(maps *all);

/* Masks of all images into a folder, on a device or on one that is opened for it and begins anew. */
ssgcam_status generate_on(ssgcam_device *device, const char *out, int batch, int fresh);
ssgcam_status generate(const char *device_name, const char *out, int batch);

/* The demo's pictures and masks with labels of the small model, in the folder for results. */
ssgcam_dataset *labelled_data(void);
/* Masks of them scored, of batches of one image. */
ssgcam_status evaluate_on(ssgcam_device *device, const ssgcam_dataset *labelled, ssgcam_eval_result *result);
ssgcam_status evaluate(const char *device_name, const ssgcam_dataset *labelled, ssgcam_eval_result *result);

/* What is in a file; the caller frees it. */
char *read_text(const char *path);

/* Pixels that differ between the masks of two folders, of all. */
double different(const char *a, const char *b);

#endif
