/* ssgcam/version.h - which version this is.
 *
 * ABI: the shared library's major number (libssgcam.so.N) changes whenever a public function or struct changes incompatibly; until 1.0 that may
 * happen in any minor version. */
#ifndef SSGCAM_VERSION_H
#define SSGCAM_VERSION_H

#include <ssgcam/export.h>

#define SSGCAM_VERSION_MAJOR 0
#define SSGCAM_VERSION_MINOR 1
#define SSGCAM_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": of the library at run time, which may differ from the macros at compile time. */
SSGCAM_API const char *ssgcam_version(void);

#ifdef __cplusplus
}
#endif
#endif
