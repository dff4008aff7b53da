/* stop.h - has somebody asked a long job to stop? */
#ifndef SSG_BASE_STOP_H
#define SSG_BASE_STOP_H

/* Reads a `stop` of the public options (ssgcam/generate.h says who may set it); 0 for NULL. */
int ssg_stop_asked(const int *stop);

#endif
