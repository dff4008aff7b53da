#include <ssgcam/version.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *ssgcam_version(void)
{
    return TEXT(SSGCAM_VERSION_MAJOR) "." TEXT(SSGCAM_VERSION_MINOR) "." TEXT(SSGCAM_VERSION_PATCH);
}
