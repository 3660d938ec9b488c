/* The links of one page, each once. */
#ifndef LINKS_H
#define LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

struct link {
    size_t start, length; /* in the text */
    uint32_t hash;
    uint32_t page; /* of another page: the slot is free */
};

/* A hash table with open addressing; `page` numbers the pages, from 1. */
struct links {
    struct bytes text;
    struct link *slots;
    size_t capacity, count;
    uint32_t page;
};

/* Forgets the links of the page before. */
void links_next_page(struct links *links);

/* The last bytes of the text, from `start`, are a link. False, and they are cut, if it is known. */
bool links_add(struct links *links, size_t start);

#endif
