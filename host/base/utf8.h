/* utf8.h - text that JSON and HTML can hold. */
#ifndef SSG_BASE_UTF8_H
#define SSG_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed UTF-8 character at `text`, 0 if there is none or text ends; *code (may be NULL) becomes its number. */
size_t ssg_utf8_character(const char *text, uint32_t *code);

int ssg_utf8_is_valid(const char *text);

/* Every byte that belongs to no character becomes '?'. */
void ssg_utf8_mend(char *text);

#endif
