#include "host/base/nearest_name.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 256 };

/* Levenshtein distance over one row; longer names are compared by their ends, which tell layers apart. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
    if (n > LONGEST) {
        a += n - LONGEST;
        n = LONGEST;
    }
    if (m > LONGEST) {
        b += m - LONGEST;
        m = LONGEST;
    }
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j], same = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            size_t least = above < row[j - 1] ? above + 1 : row[j - 1] + 1;
            row[j] = same < least ? same : least;
            diagonal = above;
        }
    }
    return row[m];
}

const char *ssg_nearest_name(const char *wanted, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t least = (size_t)-1;
    for (size_t i = 0; i < count; i++) {
        if (!names[i]) continue;
        size_t d = distance(wanted, names[i]), a = strlen(wanted), b = strlen(names[i]), longer = a > b ? a : b;
        int contained = a >= 3 && strstr(names[i], wanted) != NULL;
        if (d < least && (2 * d < longer || contained)) {
            least = d;
            best = names[i];
        }
    }
    return best;
}
