/* set.h - the vectorised form is compiled once for each instruction set, SSG_SET (kernels/CMakeLists.txt). What its files have from each other
 * carries that name too, so that all sets go into one program; choose.c picks one. A name that is missing here is defined twice when libssgcam is
 * linked. */
#ifndef SSG_KERNELS_CPU_SET_H
#define SSG_KERNELS_CPU_SET_H

#define SSG_SET_JOINED(name, set)   name##_##set
#define SSG_SET_EXPANDED(name, set) SSG_SET_JOINED(name, set)
#define SSG_SET_OWN(name)           SSG_SET_EXPANDED(name, SSG_SET)
#define SSG_SET_QUOTED(set)         #set
#define SSG_SET_TEXT(set)           SSG_SET_QUOTED(set)
#define SSG_SET_NAME                SSG_SET_TEXT(SSG_SET)

#define ssg_cpu_ops            SSG_SET_OWN(ssg_cpu_ops)
#define ssg_cpu_maps_scratch   SSG_SET_OWN(ssg_cpu_maps_scratch)
#define ssg_cpu_maps           SSG_SET_OWN(ssg_cpu_maps)
#define ssg_cpu_weighted       SSG_SET_OWN(ssg_cpu_weighted)
#define ssg_cpu_normalise      SSG_SET_OWN(ssg_cpu_normalise)
#define ssg_cpu_resize         SSG_SET_OWN(ssg_cpu_resize)
#define ssg_cpu_accumulate     SSG_SET_OWN(ssg_cpu_accumulate)
#define ssg_cpu_quantise       SSG_SET_OWN(ssg_cpu_quantise)
#define ssg_cpu_mix            SSG_SET_OWN(ssg_cpu_mix)
#define ssg_cpu_resize_fused   SSG_SET_OWN(ssg_cpu_resize_fused)
#define ssg_cpu_label          SSG_SET_OWN(ssg_cpu_label)
#define ssg_cpu_moments        SSG_SET_OWN(ssg_cpu_moments)
#define ssg_cpu_products       SSG_SET_OWN(ssg_cpu_products)
#define ssg_line_of            SSG_SET_OWN(ssg_line_of)
#define ssg_add_weighted_chunk SSG_SET_OWN(ssg_add_weighted_chunk)
#define ssg_smooth_init        SSG_SET_OWN(ssg_smooth_init)
#define ssg_smooth_area_floats SSG_SET_OWN(ssg_smooth_area_floats)
#define ssg_smooth_chunk       SSG_SET_OWN(ssg_smooth_chunk)
#define ssg_smooth_ring_lines  SSG_SET_OWN(ssg_smooth_ring_lines)
#define ssg_smooth_eight       SSG_SET_OWN(ssg_smooth_eight)
#define ssg_smooth_sixteen     SSG_SET_OWN(ssg_smooth_sixteen)

#endif
