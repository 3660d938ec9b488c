/* The thread that parses: title, links and digest of a page become a line of JSON. */
#ifndef READER_H
#define READER_H

#include "channel.h"

/*
 * Reads the pages of `ready` until it is closed, writes a line for each into the file `path`, and
 * puts the pages into `free_pages`. Any failure ends the program.
 */
void read_all(struct channel *ready, struct channel *free_pages, const char *path);

#endif
