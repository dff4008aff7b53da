#include "host/eval/map_file.h"

#include <unistd.h>

#include "host/base/alloc.h"
#include "host/base/files.h"

enum { MOST_SIDE = 32766 };

ssgcam_status ssg_map_folder_check(const char *folder, const char *inner)
{
    if (!ssg_path_is_folder(folder)) return ssg_fail(SSGCAM_ERR_NOT_FOUND, "%s: there is no such folder", folder);
    char *path = ssg_path_join(folder, inner);
    if (!path) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSGCAM_OK;
    if (ssg_path_is_folder(path)) status = ssg_fail(SSGCAM_ERR_INPUT, "%s: the %s are in a folder of it; give %s", folder, inner, path);
    ssg_free(path);
    return status;
}

static char *path_of(const char *folder, const char *name)
{
    return name ? ssg_path_join(folder, name) : NULL;
}

/* Owned by the caller. */
static char *find(const char *folder, const ssgcam_item *item, int class)
{
    char *of_class = ssg_format("%s.%d.npy", item->id, class), *plain = ssg_format("%s.npy", item->id);
    char *path = path_of(folder, of_class), *other = path_of(folder, plain);
    ssg_free(of_class);
    ssg_free(plain);
    int take_other = path && other && item->label_count == 1 && access(path, F_OK) != 0 && access(other, F_OK) == 0;
    char *found = path && other ? take_other ? other : path : NULL;
    ssg_free(found == path ? NULL : path);
    ssg_free(found == other ? NULL : other);
    return found;
}

ssgcam_status ssg_map_file_read(ssg_array *map, const char *folder, const ssgcam_item *item, int class)
{
    char *path = find(folder, item, class);
    ssgcam_status status = path ? ssg_npy_read(map, path) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && (map->rank != 2 || map->dims[0] < 1 || map->dims[1] < 1 || map->dims[0] > MOST_SIDE || map->dims[1] > MOST_SIDE)) {
        status =
            ssg_fail(SSGCAM_ERR_INPUT, "%s: an array of %d dimensions; a map has two, (height, width), up to %d each", path, map->rank, MOST_SIDE);
        ssg_array_clear(map);
    }
    ssg_free(path);
    return status;
}
