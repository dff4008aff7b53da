/* What a program that uses the installed library looks like, in the smallest form. */
#include <ssgcam/ssgcam.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    ssgcam_method method;
    if (ssgcam_method_parse("layercam", &method) != SSGCAM_OK || strcmp(ssgcam_method_name(method), "layercam") != 0) return 1;
    if (ssgcam_method_parse("layercan", &method) != SSGCAM_ERR_ARGUMENT || !strstr(ssgcam_last_error(), "layercam")) return 2;
    ssgcam_preprocess preprocess;
    ssgcam_preprocess_init(&preprocess);
    if (ssgcam_preprocess_set(&preprocess, "size", "240x320") != SSGCAM_OK || preprocess.size[1] != 320) return 3;
    ssgcam_preprocess_clear(&preprocess);
    printf("%s\n", ssgcam_version());
    return 0;
}
