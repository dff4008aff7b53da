/* digest.h - XXH3 of 128 bits: what is to be the same is told by 32 characters. */
#ifndef SSG_BASE_DIGEST_H
#define SSG_BASE_DIGEST_H

#define XXH_STATIC_LINKING_ONLY /* a state on the stack, so that beginning one cannot fail */
#include <xxhash.h>

enum { SSG_DIGEST_TEXT = 33 }; /* with the zero byte */

/* Starts `state`; go on with XXH3_128bits_update. */
void ssg_digest_begin(XXH3_state_t *state);

/* The text of all that was added. */
void ssg_digest_end(char text[SSG_DIGEST_TEXT], const XXH3_state_t *state);

/* A hash as text: 32 lower-case hexadecimal digits, the high half first. */
void ssg_digest_text(char text[SSG_DIGEST_TEXT], XXH128_hash_t hash);

#endif
