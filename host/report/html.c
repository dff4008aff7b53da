#include "host/report/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/utf8.h"

void ssg_html_clear(ssg_html *html)
{
    ssg_free(html->text);
    *html = (ssg_html){0};
}

ssgcam_status ssg_html_check(const ssg_html *html)
{
    return html->status == SSGCAM_OK ? SSGCAM_OK : ssg_fail(html->status, "out of memory: could not hold a page of more than %zu bytes", html->used);
}

void ssg_html_append(ssg_html *html, const char *bytes, size_t size)
{
    if (html->status != SSGCAM_OK) return;
    if (html->room - html->used <= size) {
        size_t room = 2 * html->room + size + 4096;
        html->status = ssg_grow(&html->text, room, 1);
        if (html->status != SSGCAM_OK) return;
        html->room = room;
    }
    if (size) memcpy(html->text + html->used, bytes, size);
    html->text[html->used += size] = '\0';
}

/* ---- escaping ---------------------------------------------------------------------------------------------------------------------------- */

/* The length of the character at `s` if it is UTF-8 that XML allows, else 0. */
static size_t character(const char *s)
{
    uint32_t code;
    size_t length = ssg_utf8_character(s, &code);
    int control = (code < 0x20 && code != '\t' && code != '\n') || code == 0x7F;
    return control || code == 0xFFFE || code == 0xFFFF ? 0 : length;
}

static void put_escaped(ssg_html *html, const char *text)
{
    for (const char *s = text; *s;) {
        const char *safe = *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : *s == '&' ? "&amp;" : *s == '"' ? "&quot;" : *s == '\'' ? "&#39;" : NULL;
        size_t length = character(s);
        if (!length) safe = "\xEF\xBF\xBD";
        ssg_html_append(html, safe ? safe : s, safe ? strlen(safe) : length);
        s += length ? length : 1;
    }
}

/* ---- formats ----------------------------------------------------------------------------------------------------------------------------- */

static void put_real(char *number, size_t size, const char *spec, int precision, double value)
{
    if (strchr(spec, '*'))
        snprintf(number, size, spec, precision, value);
    else
        snprintf(number, size, spec, value);
}

void ssg_html_put(ssg_html *html, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (const char *at = format; *at;) {
        size_t plain = strcspn(at, "%");
        ssg_html_append(html, at, plain);
        at += plain;
        if (!*at) break;
        char spec[16] = "", number[400] = ""; /* the largest double has 309 digits */
        size_t length = 1 + strcspn(at + 1, "sdfgu%") + 1;
        memcpy(spec, at, length < sizeof spec ? length : sizeof spec - 1);
        at += length;
        int precision = strchr(spec, '*') ? va_arg(arguments, int) : 0;
        switch (at[-1]) {
        case 's': put_escaped(html, va_arg(arguments, const char *)); break;
        case 'd': snprintf(number, sizeof number, spec, va_arg(arguments, int)); break;
        case 'u': snprintf(number, sizeof number, spec, va_arg(arguments, size_t)); break;
        case 'f':
        case 'g': put_real(number, sizeof number, spec, precision, va_arg(arguments, double)); break;
        default: number[0] = '%';
        }
        ssg_html_append(html, number, strlen(number));
    }
    va_end(arguments);
}

void ssg_html_data(ssg_html *html, const char *type, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    ssg_html_put(html, "data:%s;base64,", type);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < size ? bytes[i + 2] : 0u);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], i + 1 < size ? digits[three >> 6 & 63] : '=',
                        i + 2 < size ? digits[three & 63] : '='};
        ssg_html_append(html, four, 4);
    }
}
