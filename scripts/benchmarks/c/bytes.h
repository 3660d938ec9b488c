/* Bytes that grow, and the end of the program when something fails. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>

struct bytes {
    unsigned char *data;
    size_t length, capacity;
};

/* Memory that grows is kept: reset `length` to use it again. */
void bytes_append(struct bytes *to, const void *data, size_t length);

/* As printf on standard error, with a line end; then the program exits with 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
