/* bank_device.h - a bank's images on a device that scores them; a bank, and every selection of its images, may carry it. */
#ifndef SSG_SEARCH_BANK_DEVICE_H
#define SSG_SEARCH_BANK_DEVICE_H

#include "host/device/device.h"
#include "host/search/objective.h"

/* *out is NULL where the host scores: the device is the CPU, or not even a few of its images fit (said once). The images must
 * outlive it. */
ssgcam_status ssg_bank_device_create(ssg_bank_device **out, ssg_device *device, const ssg_bank *bank);
void ssg_bank_device_destroy(ssg_bank_device **device);

/* As ssg_scoring_interface.run and best, for images of the bank that it was made for. */
ssgcam_status ssg_bank_device_run(ssg_bank_device *device, const ssg_bank *selection, const ssg_score_mixture *mixtures, size_t count,
                                  ssg_scoring what, uint32_t *out);
ssgcam_status ssg_bank_device_best(ssg_bank_device *device, const ssg_bank *selection, const ssg_score_mixture *mixtures, size_t count,
                                   ssg_measure measure, ssg_solution *out);

/* Pixels by truth of an image (256 numbers). */
const uint64_t *ssg_bank_device_truth(const ssg_bank_device *device, const ssg_score_image *image);

#endif
