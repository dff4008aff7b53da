#include "host/base/digest.h"

#include <stdio.h>

void ssg_digest_begin(XXH3_state_t *state)
{
    XXH3_INITSTATE(state);
    XXH3_128bits_reset(state);
}

void ssg_digest_end(char text[SSG_DIGEST_TEXT], const XXH3_state_t *state)
{
    ssg_digest_text(text, XXH3_128bits_digest(state));
}

void ssg_digest_text(char text[SSG_DIGEST_TEXT], XXH128_hash_t hash)
{
    snprintf(text, SSG_DIGEST_TEXT, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}
