/* The thread that fetches: libcurl's multi interface on an epoll of its own. */
#ifndef FETCH_H
#define FETCH_H

#include <stddef.h>

#include "channel.h"

/* A longer body ends the program: memory is at most this much for each page. */
#define MOST_BODY_BYTES (4u << 20)

/*
 * Fetches `count` URLs, `concurrency` at once, each into a page of `free_pages`, and puts it into
 * `ready`, which is closed at the end. It waits while no page is free: so the other thread slows it
 * down. Any failure, and any status but 200, ends the program.
 */
void fetch_all(char *const *urls, size_t count, size_t concurrency,
               struct channel *free_pages, struct channel *ready);

#endif
