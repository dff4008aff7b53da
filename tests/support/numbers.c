#include "tests/support/numbers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *fixture;

void numbers_open(const char *path)
{
    fixture = fopen(path, "rb");
    cr_assert_not_null(fixture, "%s cannot be opened", path);
}

void numbers_close(void)
{
    cr_assert_eq(fgetc(fixture), EOF, "the fixture holds more than was read");
    fclose(fixture);
}

void next_values(void *to, size_t count, size_t size)
{
    cr_assert_eq(fread(to, size, count, fixture), count, "the fixture is cut short");
}

int next_int(void)
{
    int value;
    next_values(&value, 1, sizeof value);
    return value;
}

double next_double(void)
{
    double value;
    next_values(&value, 1, sizeof value);
    return value;
}

void *next_array(size_t count, size_t size)
{
    void *values = calloc(count, size);
    cr_assert_not_null(values);
    next_values(values, count, size);
    return values;
}
