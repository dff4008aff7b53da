#include "host/model/name_table.h"

#include <string.h>
#include <xxhash.h>

#include "host/base/alloc.h"

/* The slot that holds `name`, or the free one where it belongs. The capacity is a power of two and never full. */
static size_t locate(const ssg_name_table *table, const char *name)
{
    size_t slot = (size_t)XXH3_64bits(name, strlen(name)) & (table->capacity - 1);
    while (table->slots[slot].name && strcmp(table->slots[slot].name, name) != 0) slot = (slot + 1) & (table->capacity - 1);
    return slot;
}

int ssg_name_table_find(const ssg_name_table *table, const char *name)
{
    if (table->capacity == 0) return -1;
    size_t slot = locate(table, name);
    return table->slots[slot].name ? table->slots[slot].index : -1;
}

ssgcam_status ssg_name_table_add(ssg_name_table *table, const char *name, int index)
{
    if (2 * (table->used + 1) > table->capacity) {
        ssg_name_table larger = {.capacity = table->capacity ? 2 * table->capacity : 64, .used = table->used};
        larger.slots = ssg_calloc(larger.capacity, sizeof *larger.slots);
        if (!larger.slots) return SSG_OUT_OF_MEMORY;
        for (size_t i = 0; i < table->capacity; i++)
            if (table->slots[i].name) larger.slots[locate(&larger, table->slots[i].name)] = table->slots[i];
        ssg_free(table->slots);
        *table = larger;
    }
    table->slots[locate(table, name)] = (struct ssg_name_entry){name, index};
    table->used++;
    return SSGCAM_OK;
}

void ssg_name_table_clear(ssg_name_table *table)
{
    ssg_free(table->slots);
    *table = (ssg_name_table){0};
}
