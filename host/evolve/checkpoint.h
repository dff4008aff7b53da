/* checkpoint.h - what a checkpoint must agree on with the search that loads it. */
#ifndef SSG_EVOLVE_CHECKPOINT_H
#define SSG_EVOLVE_CHECKPOINT_H

#include <ssgcam/evolve.h>

/* Everything the trajectory depends on, the initial population included. */
uint64_t ssg_evolve_digest(const ssgcam_evolve *search);

/* FNV-1a, 64 bits: guards against damage, not against malice (every value loaded is also checked by itself). */
uint64_t ssg_evolve_checksum(uint64_t seed, const void *bytes, size_t size);

#endif
