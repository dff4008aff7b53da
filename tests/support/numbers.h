/* numbers.h - reads the fixtures that are plain: int, double and arrays as they lie in memory, one after the other. Failing to read fails the test.
 */
#ifndef TESTS_SUPPORT_NUMBERS_H
#define TESTS_SUPPORT_NUMBERS_H

#include <stddef.h>

/* One fixture at a time. Closing it fails the test if something is left unread. */
void numbers_open(const char *path);
void numbers_close(void);

int next_int(void);
double next_double(void);
void next_values(void *to, size_t count, size_t size);

/* In fresh memory; the caller's to free(). */
void *next_array(size_t count, size_t size);

#endif
