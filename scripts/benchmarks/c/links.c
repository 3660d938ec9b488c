#include "links.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_SLOTS 64

void links_next_page(struct links *links)
{
    links->text.length = 0;
    links->count = 0;
    links->page++;
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash_of(const unsigned char *data, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t n = 0; n < length; n++)
        hash = (hash ^ data[n]) * 16777619u;
    return hash;
}

/* The slot of the link, or the free one where it belongs. */
static struct link *find(const struct links *links, const struct link *wanted)
{
    const unsigned char *text = links->text.data;
    for (size_t at = wanted->hash;; at++) {
        struct link *slot = &links->slots[at & (links->capacity - 1)];
        if (slot->page != links->page)
            return slot;
        if (slot->hash == wanted->hash && slot->length == wanted->length &&
            memcmp(text + slot->start, text + wanted->start, slot->length) == 0)
            return slot;
    }
}

static void grow(struct links *links)
{
    struct link *old = links->slots;
    size_t count = links->capacity;
    links->capacity = count ? count * 2 : LEAST_SLOTS;
    links->slots = calloc(links->capacity, sizeof *links->slots);
    if (links->slots == NULL)
        die("no memory for %zu links", links->capacity);
    for (size_t n = 0; n < count; n++)
        if (old[n].page == links->page)
            *find(links, &old[n]) = old[n];
    free(old);
}

bool links_add(struct links *links, size_t start)
{
    if (links->count * 2 >= links->capacity)
        grow(links);
    struct link link = {.start = start, .length = links->text.length - start, .page = links->page};
    link.hash = hash_of(links->text.data + start, link.length);
    struct link *slot = find(links, &link);
    if (slot->page == links->page) {
        links->text.length = start;
        return false;
    }
    *slot = link;
    links->count++;
    return true;
}
