/* fuzz_image.c - arbitrary bytes as a picture (JPEG, PNG; grey and colour) and as a label mask; what is read is resized and written again. */
#include "host/base/alloc.h"
#include "host/data/image.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void use(ssg_image *image)
{
    ssg_image small;
    uint8_t *bytes;
    size_t size;
    if (ssg_image_resize(&small, image, 7, 5) == SSGCAM_OK) {
        if (ssg_image_encode_png(&bytes, &size, &small, image->channels == 1) == SSGCAM_OK) ssg_free(bytes);
        ssg_image_clear(&small);
    }
    ssg_image_clear(image);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ssg_image image;
    int width, height;
    ssgcam_status status = ssg_image_decode_size(&width, &height, data, size, "fuzz");
    for (int channels = 1; channels <= 3; channels += 2)
        if (ssg_image_decode(&image, data, size, "fuzz", channels) == SSGCAM_OK) {
            if (status != SSGCAM_OK || width != image.width || height != image.height) __builtin_trap();
            use(&image);
        }
    if (ssg_image_decode_indices(&image, data, size, "fuzz") == SSGCAM_OK) use(&image);
    return 0;
}
