/* ssgcam devices: what this machine and build offer. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

/* What this machine has does not depend on the device, the threads or the precision that other commands are given. */
static const option table[] = {
    {"json", 0, OPTION_FLAG, offsetof(common_flags, json), NULL, "print the result as JSON"},
    {"help", 'h', OPTION_FLAG, offsetof(common_flags, help), NULL, "this text"},
};
enum { ROWS = sizeof table / sizeof *table };

static void print_list(const char *label, const json_t *list)
{
    size_t i;
    json_t *item;
    printf("  %-13s", label);
    json_array_foreach((json_t *)list, i, item) printf("%s%s", i ? " " : "", json_string_value(item));
    printf("\n");
}

static void print_device(const json_t *device)
{
    printf("%s\n", json_string_value(json_object_get(device, "name")));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)device, key, value)
    {
        if (json_is_array(value))
            print_list(key, value);
        else if (json_is_integer(value))
            printf("  %-13s%lld\n", key, (long long)json_integer_value(value));
        else if (json_is_string(value) && strcmp(key, "name"))
            printf("  %-13s%s\n", key, json_string_value(value));
    }
}

static void print_text(const char *json)
{
    json_t *root = json_loads(json, 0, NULL), *device;
    size_t i;
    printf("ssgcam %s\n\n", json_string_value(json_object_get(root, "ssgcam")));
    json_array_foreach(json_object_get(root, "devices"), i, device) print_device(device);
    const char *cuda = json_string_value(json_object_get(root, "cuda"));
    if (cuda) printf("cuda\n  %s\n", cuda);
    json_decref(root);
}

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    (void)arguments;
    const common_flags *f = parsed;
    char *json = NULL;
    ssgcam_status status = ssgcam_device_describe(&json);
    if (status == SSGCAM_OK && f->json)
        puts(json);
    else if (status == SSGCAM_OK)
        print_text(json);
    ssgcam_text_free(json);
    return status;
}

int cmd_devices(int count, char **arguments)
{
    static const command_spec command = {.name = "devices", .usage = "devices [--json]", .table = table, .rows = ROWS, .work = work};
    common_flags f = {0};
    return run_command(&command, count, arguments, &f);
}
