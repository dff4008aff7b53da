/* multiversion.h - hot loops compiled for several instruction sets; the best one is chosen when the program starts. */
#ifndef SSG_DEVICE_CPU_MULTIVERSION_H
#define SSG_DEVICE_CPU_MULTIVERSION_H

/* Sanitizers run before the choice could be made. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif

#endif
