/* precision.h - the precision that a caller asks for, as devices name it. */
#ifndef SSG_FLOW_PRECISION_H
#define SSG_FLOW_PRECISION_H

#include <ssgcam/device.h>

#include "host/device/device.h"

ssg_precision ssg_precision_of(ssgcam_precision precision);

/* What to add to a sentence about a value that is not a number: "" or the remedy. */
const char *ssg_precision_hint(ssg_precision precision);

#endif
