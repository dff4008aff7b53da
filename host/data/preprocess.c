#include <ssgcam/preprocess.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/nearest_name.h"
#include "host/base/status.h"
#include "host/data/names_file.h"
#include "host/data/preprocess.h"

static const char *const resizes[] = {"stretch", "crop", "none"};
static const char *const channel_orders[] = {"rgb", "bgr", "grey"};

#define COUNT(names) (sizeof(names) / sizeof *(names))

const char *ssgcam_resize_name(ssgcam_resize resize)
{
    return (size_t)resize < COUNT(resizes) ? resizes[resize] : "unknown";
}

const char *ssgcam_channels_name(ssgcam_channels channels)
{
    return (size_t)channels < COUNT(channel_orders) ? channel_orders[channels] : "unknown";
}

char *ssg_preprocess_describe(const ssgcam_preprocess *p, int height, int width)
{
    return ssg_format("%dx%d %s %s, scale %.9g, mean %.9g %.9g %.9g, std %.9g %.9g %.9g", height, width, ssgcam_resize_name(p->resize),
                      ssgcam_channels_name(p->channels), p->scale, p->mean[0], p->mean[1], p->mean[2], p->std[0], p->std[1], p->std[2]);
}

void ssgcam_preprocess_init(ssgcam_preprocess *p)
{
    *p = (ssgcam_preprocess){.scale = 1.0 / 255, .std = {1, 1, 1}};
}

void ssgcam_preprocess_clear(ssgcam_preprocess *p)
{
    ssg_names_free(p->classes, p->class_count);
    ssgcam_preprocess_init(p);
}

static void set_classes(ssgcam_preprocess *p, char **names, size_t count)
{
    ssg_names_free(p->classes, p->class_count);
    p->classes = names;
    p->class_count = count;
}

static ssgcam_status choose(const char *text, const char *const *names, const char *where, int *value)
{
    for (*value = 0; *value < 3; ++*value)
        if (strcmp(names[*value], text) == 0) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s is '%s'; it must be %s, %s or %s", where, text, names[0], names[1], names[2]);
}

static ssgcam_status check_sizes(const int size[2], const char *where)
{
    for (int i = 0; i < 2; i++)
        if (size[i] < 1 || size[i] > SSGCAM_SIDE_MOST)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: %d pixels; it must be 1 to %d", where, size[i], SSGCAM_SIDE_MOST);
    return SSGCAM_OK;
}

/* One number for all channels or one for each. */
static ssgcam_status set_triple(double to[3], const double *values, size_t count, const char *where, int positive)
{
    if (count != 1 && count != 3) return ssg_fail(SSGCAM_ERR_INPUT, "%s has %zu numbers; give one, or one per channel (3)", where, count);
    for (size_t i = 0; i < 3; i++) {
        double value = values[count == 3 ? i : 0];
        if (!isfinite(value) || (positive && value <= 0))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s is %g; it must be %s", where, value, positive ? "above 0" : "a number");
        to[i] = value;
    }
    return SSGCAM_OK;
}

/* ---- from JSON ------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status numbers(const json_t *value, double *to, size_t *count, const char *where)
{
    *count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < *count && i < 3; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_number(item)) return ssg_fail(SSGCAM_ERR_INPUT, "%s must be a number or a list of numbers", where);
        to[i] = json_number_value(item);
    }
    return SSGCAM_OK;
}

static ssgcam_status parse_classes(ssgcam_preprocess *p, const json_t *value, const char *where, const char *path)
{
    char **names;
    size_t count;
    if (json_is_string(value)) {
        const char *slash = strrchr(path, '/');
        char *file = slash ? ssg_format("%.*s/%s", (int)(slash - path), path, json_string_value(value)) : ssg_strdup(json_string_value(value));
        if (!file) return SSG_OUT_OF_MEMORY;
        ssgcam_status status = ssg_names_read(&names, &count, file);
        ssg_free(file);
        SSG_TRY(status);
        set_classes(p, names, count);
        return SSGCAM_OK;
    }
    count = json_array_size(value);
    if (!json_is_array(value) || count < 1) return ssg_fail(SSGCAM_ERR_INPUT, "%s must be a list of names, or the name of a text file", where);
    if (!(names = ssg_calloc(count, sizeof *names))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(value, i));
        ssgcam_status status = name ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_INPUT, "%s[%zu] must be text", where, i);
        if (status == SSGCAM_OK && !(names[i] = ssg_strdup(name))) status = SSG_OUT_OF_MEMORY;
        if (status != SSGCAM_OK) {
            ssg_names_free(names, count);
            return status;
        }
    }
    set_classes(p, names, count);
    return SSGCAM_OK;
}

static ssgcam_status parse_field(ssgcam_preprocess *p, const char *key, const json_t *value, const char *path)
{
    static const char *const known[] = {"size", "resize", "mean", "std", "scale", "channels", "classes"};
    char where[512];
    double list[3] = {0};
    size_t count = 0;
    int choice;
    snprintf(where, sizeof where, "%s: %s", path, key);
    if (strcmp(key, "size") == 0) {
        SSG_TRY(numbers(value, list, &count, where));
        if (count < 1 || count > 2) return ssg_fail(SSGCAM_ERR_INPUT, "%s must be a number or [height, width]", where);
        int size[2] = {(int)fmin(fmax(list[0], -1), 1e6), (int)fmin(fmax(list[count - 1], -1), 1e6)};
        SSG_TRY(check_sizes(size, where));
        memcpy(p->size, size, sizeof size);
    } else if (strcmp(key, "resize") == 0 || strcmp(key, "channels") == 0) {
        if (!json_is_string(value)) return ssg_fail(SSGCAM_ERR_INPUT, "%s must be text", where);
        SSG_TRY(choose(json_string_value(value), key[0] == 'r' ? resizes : channel_orders, where, &choice));
        if (key[0] == 'r')
            p->resize = (ssgcam_resize)choice;
        else
            p->channels = (ssgcam_channels)choice;
    } else if (strcmp(key, "mean") == 0 || strcmp(key, "std") == 0) {
        SSG_TRY(numbers(value, list, &count, where));
        SSG_TRY(set_triple(key[0] == 'm' ? p->mean : p->std, list, count, where, key[0] == 's'));
    } else if (strcmp(key, "scale") == 0) {
        SSG_TRY(numbers(value, list, &count, where));
        if (count != 1 || !isfinite(list[0]) || list[0] == 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s must be one number other than 0", where);
        p->scale = list[0];
    } else if (strcmp(key, "classes") == 0) {
        SSG_TRY(parse_classes(p, value, where, path));
    } else {
        const char *nearest = ssg_nearest_name(key, known, sizeof known / sizeof *known);
        return ssg_fail(SSGCAM_ERR_INPUT, "%s is not a field%s%s%s; the fields are size, resize, mean, std, scale, channels, classes", where,
                        nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    }
    return SSGCAM_OK;
}

ssgcam_status ssgcam_preprocess_parse(ssgcam_preprocess *p, const char *text, size_t size, const char *path)
{
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!root) return ssg_fail(SSGCAM_ERR_INPUT, "%s:%d:%d: not JSON: %s", path, error.line, error.column, error.text);
    ssgcam_status status = json_is_object(root) ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_INPUT, "%s: must be a JSON object", path);
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) if (status == SSGCAM_OK) status = parse_field(p, key, value, path);
    json_decref(root);
    return status;
}

ssgcam_status ssgcam_preprocess_load(ssgcam_preprocess *p, const char *model_path)
{
    const char *slash = strrchr(model_path, '/'), *dot = strrchr(slash ? slash : model_path, '.');
    char *path = ssg_format("%.*s.json", dot ? (int)(dot - model_path) : (int)strlen(model_path), model_path), *text;
    size_t size;
    if (!path) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_file_read(&text, &size, path, 16 << 20);
    if (status == SSGCAM_ERR_NOT_FOUND) {
        status = SSGCAM_OK; /* optional */
    } else if (status == SSGCAM_OK) {
        status = ssgcam_preprocess_parse(p, text, size, path);
        ssg_free(text);
    }
    ssg_free(path);
    return status;
}

/* ---- from flags ------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status read_list(const char *text, const char *separators, double *to, size_t most, size_t *count, const char *field)
{
    *count = 0;
    for (const char *at = text;; at++) {
        char *end;
        double value = strtod(at, &end);
        if (end == at || *count == most || (*end && !strchr(separators, *end)))
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "--%s '%s' is not what is expected, e.g. %s", field, text,
                            strcmp(field, "size") == 0 ? "224 or 240x320 (height x width)" : "0.5 or 0.485,0.456,0.406");
        to[(*count)++] = value;
        if (!*end) return SSGCAM_OK;
        at = end;
    }
}

ssgcam_status ssgcam_preprocess_set(ssgcam_preprocess *p, const char *field, const char *text)
{
    double list[3] = {0};
    size_t count;
    int choice;
    ssgcam_status status = SSGCAM_OK;
    if (strcmp(field, "size") == 0) {
        SSG_TRY(read_list(text, "x", list, 2, &count, field));
        for (size_t i = 0; i < count; i++)
            if (!(list[i] >= 1 && list[i] <= SSGCAM_SIDE_MOST) || list[i] != floor(list[i]))
                return ssg_fail(SSGCAM_ERR_ARGUMENT, "--size %s; give 1 to %d whole pixels, e.g. 224 or 240x320 (height x width)", text,
                                SSGCAM_SIDE_MOST);
        p->size[0] = (int)list[0];
        p->size[1] = (int)list[count - 1];
    } else if (strcmp(field, "resize") == 0) {
        status = choose(text, resizes, "--resize", &choice);
        if (status == SSGCAM_OK) p->resize = (ssgcam_resize)choice;
    } else if (strcmp(field, "channels") == 0) {
        status = choose(text, channel_orders, "--channels", &choice);
        if (status == SSGCAM_OK) p->channels = (ssgcam_channels)choice;
    } else if (strcmp(field, "scale") == 0) {
        SSG_TRY(read_list(text, "", list, 1, &count, field));
        if (!isfinite(list[0]) || list[0] == 0) return ssg_fail(SSGCAM_ERR_ARGUMENT, "--scale %s; it must not be 0", text);
        p->scale = list[0];
    } else if (strcmp(field, "mean") == 0 || strcmp(field, "std") == 0) {
        SSG_TRY(read_list(text, ",", list, 3, &count, field));
        status = set_triple(field[0] == 'm' ? p->mean : p->std, list, count, field[0] == 'm' ? "--mean" : "--std", field[0] == 's');
    } else if (strcmp(field, "classes") == 0) {
        char **names;
        SSG_TRY(ssg_names_read(&names, &count, text));
        set_classes(p, names, count);
    } else {
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "there is no preprocessing field '%s'", field);
    }
    return status == SSGCAM_ERR_INPUT ? SSGCAM_ERR_ARGUMENT : status;
}
