/* options.h - one table per command, from which parsing, checking and help all come. */
#ifndef SSG_CLI_OPTIONS_H
#define SSG_CLI_OPTIONS_H

#include <stddef.h>

typedef enum option_kind {
    OPTION_FLAG,   /* int, set to 1 */
    OPTION_TEXT,   /* const char * */
    OPTION_COUNT,  /* int: a whole number from 0 on */
    OPTION_LEAST1, /* int: one from 1 on, so that a 0 in the struct means: not given */
    OPTION_BYTE,   /* int: one from 0 to 255 */
    OPTION_REAL,   /* double, from 0 on */
    OPTION_TEXTS,  /* text_list: may be given several times */
    OPTION_HEADING /* a line of help, no option */
} option_kind;

typedef struct text_list {
    const char **items; /* borrowed from argv; the array is freed by options_free */
    int count;
} text_list;

typedef struct option {
    const char *name; /* long name without dashes */
    char letter;      /* one-letter form, 0 for none */
    option_kind kind;
    size_t offset;     /* of the value in the command's struct */
    const char *value; /* what to call the value in help, NULL for flags */
    const char *help;
} option;

enum { OPTIONS_MOST = 96 }; /* rows of a table */

/* The name that `given` was probably meant to be, or NULL. NULL entries of `names` are passed over. */
const char *options_nearest(const char *given, const char *const *names, size_t count);

/* Parses argv[0..count) into the struct at `values`; what is no option goes to `rest`. Returns 0, or 2 after printing a sentence (and the nearest
 * option's name) to standard error.
 * "--" ends the options; "--name=value" and "--name value" both work. */
int options_parse(const char *command, const option *table, size_t table_count, int count, char **argv, void *values, text_list *rest);

/* Prints the table as help. */
void options_help(const option *table, size_t table_count);

void options_free(const option *table, size_t table_count, void *values, text_list *rest);

#endif
