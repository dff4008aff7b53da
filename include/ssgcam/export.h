/* ssgcam/export.h - marks the functions that the shared library exports; everything else stays hidden. */
#ifndef SSGCAM_EXPORT_H
#define SSGCAM_EXPORT_H

#if defined(__GNUC__)
#define SSGCAM_API __attribute__((visibility("default")))
#else
#define SSGCAM_API
#endif

#endif
