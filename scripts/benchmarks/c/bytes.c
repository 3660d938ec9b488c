#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_CAPACITY 4096

static void reserve(struct bytes *bytes, size_t wanted)
{
    size_t capacity = bytes->capacity ? bytes->capacity : LEAST_CAPACITY;
    while (capacity < wanted)
        capacity *= 2;
    unsigned char *data = realloc(bytes->data, capacity);
    if (data == NULL)
        die("no memory for %zu bytes", capacity);
    bytes->data = data;
    bytes->capacity = capacity;
}

void bytes_append(struct bytes *to, const void *data, size_t length)
{
    if (length == 0)
        return;
    if (to->capacity - to->length < length)
        reserve(to, to->length + length);
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}
