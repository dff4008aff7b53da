/* name_table.h - value names to indices while a file is read; open addressing, so that a graph of many thousand names loads in linear time. */
#ifndef SSG_MODEL_NAME_TABLE_H
#define SSG_MODEL_NAME_TABLE_H

#include <stddef.h>

#include "host/base/status.h"

typedef struct ssg_name_table {
    struct ssg_name_entry {
        const char *name; /* borrowed; NULL marks a free slot */
        int index;
    } * slots;
    size_t capacity, used;
} ssg_name_table; /* {0} is an empty table */

/* The index stored for `name`, or -1. */
int ssg_name_table_find(const ssg_name_table *table, const char *name);

/* Stores a name that is not in the table yet; the text must outlive the table. */
ssgcam_status ssg_name_table_add(ssg_name_table *table, const char *name, int index);

void ssg_name_table_clear(ssg_name_table *table);

#endif
