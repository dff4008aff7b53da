/* folder.h - a fresh folder under /tmp for what a fuzzer has to find in files; gone when the program ends. */
#ifndef SSG_TESTS_FUZZ_FOLDER_H
#define SSG_TESTS_FUZZ_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ssgcam-fuzz-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

static void clean_up(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) fprintf(stderr, "%s is left behind\n", folder);
}

static void make_folder(const char *const *parts, int count)
{
    if (!mkdtemp(folder)) abort();
    atexit(clean_up);
    for (int i = 0; i < count; i++)
        if (mkdir(path_of(parts[i]), 0700) != 0) abort();
}

#endif
