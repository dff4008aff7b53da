/* device.h - the device that a test runs on: the CPU, unless the test is built for another. */
#ifndef TESTS_SUPPORT_DEVICE_H
#define TESTS_SUPPORT_DEVICE_H

#ifndef TEST_DEVICE
#define TEST_DEVICE "cpu"
#endif

#endif
