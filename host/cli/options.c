#include "host/cli/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int append(text_list *list, const char *text)
{
    const char **grown = realloc(list->items, (size_t)(list->count + 1) * sizeof *grown);
    if (!grown) return fprintf(stderr, "ssgcam: out of memory\n"), 4;
    list->items = grown;
    list->items[list->count++] = text;
    return 0;
}

/* A cheap likeness for "did you mean": shared prefix, then shared letters. */
static int likeness(const char *a, const char *b)
{
    int i = 0;
    while (a[i] && a[i] == b[i]) i++;
    int score = 3 * i;
    for (; *a; a++)
        if (strchr(b, *a)) score++;
    return score - (int)strlen(b) / 2;
}

const char *options_nearest(const char *given, const char *const *names, size_t count)
{
    const char *best = NULL;
    int most = 3;
    for (size_t i = 0; i < count; i++)
        if (names[i] && likeness(given, names[i]) > most) {
            most = likeness(given, names[i]);
            best = names[i];
        }
    return best;
}

static int unknown(const char *command, const option *table, size_t table_count, const char *given)
{
    const char *names[OPTIONS_MOST];
    for (size_t i = 0; i < table_count && i < OPTIONS_MOST; i++) names[i] = table[i].name;
    const char *best = options_nearest(given, names, table_count < OPTIONS_MOST ? table_count : OPTIONS_MOST);
    fprintf(stderr, "ssgcam %s: there is no option '--%s'%s%s%s See `ssgcam %s --help`.\n", command, given, best ? "; did you mean '--" : ".",
            best ? best : "", best ? "'?" : "", command);
    return 2;
}

/* Into `number`, if `text` is one of [least, most] as a whole. */
static int read_whole(int *number, const char *text, int least, int most)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < least || value > most) return 0;
    *number = (int)value;
    return 1;
}

static int read_real(double *number, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < 0) return 0;
    *number = value;
    return 1;
}

static int store(const char *command, const option *o, const char *text, void *values)
{
    void *place = (char *)values + o->offset;
    const char *wanted = "";
    switch (o->kind) {
    case OPTION_FLAG: *(int *)place = 1; return 0;
    case OPTION_TEXT: *(const char **)place = text; return 0;
    case OPTION_TEXTS: return append(place, text);
    case OPTION_COUNT:
        if (read_whole(place, text, 0, INT_MAX)) return 0;
        wanted = "whole number from 0 to 2147483647";
        break;
    case OPTION_LEAST1:
        if (read_whole(place, text, 1, INT_MAX)) return 0;
        wanted = "whole number from 1 to 2147483647";
        break;
    case OPTION_BYTE:
        if (read_whole(place, text, 0, 255)) return 0;
        wanted = "whole number from 0 to 255";
        break;
    case OPTION_REAL:
        if (read_real(place, text)) return 0;
        wanted = "number from 0 on";
        break;
    case OPTION_HEADING: break;
    }
    fprintf(stderr, "ssgcam %s: --%s needs a %s, not '%s'\n", command, o->name, wanted, text);
    return 2;
}

static const option *find(const option *table, size_t table_count, const char *name, size_t length, char letter)
{
    for (size_t i = 0; i < table_count; i++) {
        if (table[i].kind == OPTION_HEADING) continue;
        if (name ? strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0 : letter && table[i].letter == letter)
            return &table[i];
    }
    return NULL;
}

int options_parse(const char *command, const option *table, size_t table_count, int count, char **argv, void *values, text_list *rest)
{
    int only_rest = 0;
    for (int i = 0; i < count; i++) {
        const char *text = argv[i];
        if (only_rest || text[0] != '-' || text[1] == '\0') {
            int status = append(rest, text);
            if (status) return status;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            only_rest = 1;
            continue;
        }
        int is_long = text[1] == '-';
        const char *name = is_long ? text + 2 : NULL, *equals = is_long ? strchr(name, '=') : NULL;
        size_t length = equals ? (size_t)(equals - name) : is_long ? strlen(name) : 0;
        const option *o = find(table, table_count, name, length, is_long ? 0 : text[1]);
        if (!o || (!is_long && text[2] && o->kind == OPTION_FLAG)) return unknown(command, table, table_count, text + 1 + is_long);
        const char *value = equals ? equals + 1 : !is_long && text[2] ? text + 2 : NULL;
        if (o->kind == OPTION_FLAG && value) {
            fprintf(stderr, "ssgcam %s: --%s takes no value\n", command, o->name);
            return 2;
        }
        if (o->kind != OPTION_FLAG && !value) {
            if (i + 1 == count) {
                fprintf(stderr, "ssgcam %s: --%s needs a value (%s)\n", command, o->name, o->value);
                return 2;
            }
            value = argv[++i];
        }
        int status = store(command, o, value, values);
        if (status) return status;
    }
    return 0;
}

void options_help(const option *table, size_t table_count)
{
    for (size_t i = 0; i < table_count; i++) {
        const option *o = &table[i];
        if (o->kind == OPTION_HEADING) {
            printf("\n%s\n", o->help);
            continue;
        }
        char left[64], letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("%-34s %s\n", left, o->help);
    }
}

void options_free(const option *table, size_t table_count, void *values, text_list *rest)
{
    for (size_t i = 0; i < table_count; i++)
        if (table[i].kind == OPTION_TEXTS) free(((text_list *)((char *)values + table[i].offset))->items);
    free(rest->items);
}
