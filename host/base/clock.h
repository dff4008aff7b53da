/* clock.h - time for measuring and for progress lines. */
#ifndef SSG_BASE_CLOCK_H
#define SSG_BASE_CLOCK_H

/* Milliseconds of a clock that never goes back. */
double ssg_clock_ms(void);

#endif
