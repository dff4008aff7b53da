/* fuzz_npy.c - arbitrary bytes as a .npy file. */
#include "host/data/npy.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ssg_array array;
    if (ssg_npy_parse(&array, data, size, "fuzz") == SSGCAM_OK) ssg_array_clear(&array);
    return 0;
}
