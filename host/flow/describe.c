#include <ssgcam/device.h>
#include <ssgcam/version.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "host/base/parallel.h"
#include "host/base/status.h"
#include "host/device/device.h"

/* The processor's name as the kernel knows it. */
static void processor_name(char name[128])
{
    char line[512];
    snprintf(name, 128, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            snprintf(name, 128, "%s", strchr(line, ':') + 2);
            name[strcspn(name, "\n")] = '\0';
            break;
        }
    if (file) fclose(file);
}

ssgcam_status ssgcam_device_describe(char **json)
{
    char name[128], version[32];
    processor_name(name);
    json_t *sets = json_array();
#if defined(__x86_64__)
    static const char *const features[] = {"sse4.2", "avx2", "fma", "avx512f", "avx512bw", "avx512vnni", "avx512bf16"};
    const int have[] = {!!__builtin_cpu_supports("sse4.2"),    !!__builtin_cpu_supports("avx2"),     !!__builtin_cpu_supports("fma"),
                        !!__builtin_cpu_supports("avx512f"),   !!__builtin_cpu_supports("avx512bw"), !!__builtin_cpu_supports("avx512vnni"),
                        !!__builtin_cpu_supports("avx512bf16")};
    for (size_t i = 0; i < sizeof have / sizeof *have; i++)
        if (have[i]) json_array_append_new(sets, json_string(features[i]));
    int bf16 = have[6];
#else
    int bf16 = 0;
#endif
    ssg_device_library_version(version);
    json_t *devices = json_array(), *root;
    json_array_append_new(devices, json_pack("{s:s,s:s,s:i,s:o,s:s,s:[s,s*,s*]}", "name", "cpu", "processor", name, "threads", ssg_processor_count(),
                                             "instructions", sets, "onednn", version, "precisions", "fp32",
                                             ssg_device_cpu_has_winograd() ? "winograd" : NULL, bf16 ? "bf16" : NULL));
    char gpu[256], gpu_name[32];
    int gpus = 0;
    for (; ssg_device_gpu_describe(gpus, gpu) == SSGCAM_OK; gpus++) {
        snprintf(gpu_name, sizeof gpu_name, "cuda:%d", gpus);
        json_array_append_new(devices,
                              json_pack("{s:s,s:s,s:[s,s,s,s]}", "name", gpu_name, "gpu", gpu, "precisions", "fp32", "tf32", "bf16", "fp16"));
    }
    root = json_pack("{s:s,s:o,s:s}", "ssgcam", ssgcam_version(), "devices", devices, "cuda", gpus ? "ready" : ssgcam_last_error());
    *json = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    return *json ? SSGCAM_OK : ssg_out_of_memory("describing the devices");
}
