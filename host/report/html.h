/* html.h - a page in memory. Whatever is put in with %s is escaped: markup can come from formats alone.
 *
 * The text is also well-formed XML, so that any XML parser checks it. */
#ifndef SSG_REPORT_HTML_H
#define SSG_REPORT_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

/* Zero-initialise. The first failure stays in `status`, and what is put later is dropped: look once, at the end, with ssg_html_check. */
typedef struct ssg_html {
    char *text; /* ends with a zero byte; NULL while empty */
    size_t used, room;
    ssgcam_status status;
} ssg_html;

/* As printf, with %s, %d, %zu, %f, %g (with flags and a precision, which may be *) and %%. Bytes of %s that are not UTF-8, or not allowed in XML,
 * become U+FFFD. */
void ssg_html_put(ssg_html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes as they are: pieces of a page made before. */
void ssg_html_append(ssg_html *html, const char *bytes, size_t size);

/* "data:TYPE;base64,..." */
void ssg_html_data(ssg_html *html, const char *type, const uint8_t *bytes, size_t size);

/* Whether everything that was put in is there. A failure says so anew: other failures since, such as a file that need not exist, have left their
 * own sentence. */
ssgcam_status ssg_html_check(const ssg_html *html);

void ssg_html_clear(ssg_html *html);

#endif
