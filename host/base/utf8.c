#include "host/base/utf8.h"

size_t ssg_utf8_character(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    uint32_t value = length == 1 ? s[0] : s[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2) return 0;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    int surrogate = value >= 0xD800 && value < 0xE000;
    if (code) *code = value;
    return length && value >= least[length] && value <= 0x10FFFF && !surrogate ? length : 0;
}

int ssg_utf8_is_valid(const char *text)
{
    for (size_t length; *text; text += length)
        if (!(length = ssg_utf8_character(text, NULL))) return 0;
    return 1;
}

void ssg_utf8_mend(char *text)
{
    while (*text) {
        size_t length = ssg_utf8_character(text, NULL);
        if (!length) *text = '?';
        text += length ? length : 1;
    }
}
