/* inputs.h - what the tests of the library on the simulated device work on: a small model, pictures of the demo, a folder for results. */
#ifndef CUDASIM_INPUTS_H
#define CUDASIM_INPUTS_H

#include <ssgcam/ssgcam.h>

enum { IMAGES = 5 };

extern ssgcam_model *model;
extern ssgcam_dataset *data; /* IMAGES of them, without labels */
void open_inputs(void);
void close_inputs(void);

/* What is on record is a failure, and so is what is still alive. */
void no_faults(const char *during);

extern char work[];
void make_work(void);
void remove_work(void);
const char *folder(const char *name); /* its path inside; good for three more calls */

/* Masks of all images into a folder, on a device or on one that is opened for it and begins anew. */
ssgcam_status generate_on(ssgcam_device *device, const char *out, int batch, int fresh);
ssgcam_status generate(const char *device_name, const char *out, int batch);

/* Pixels that differ between the masks of two folders, of all. */
double different(const char *a, const char *b);

#endif
