#include "host/base/stop.h"

#include <stddef.h>

int ssg_stop_asked(const int *stop)
{
    return stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED); /* nothing else is passed on with it: no order is needed */
}
