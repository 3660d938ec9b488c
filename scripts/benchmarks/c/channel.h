/* Pages that one thread hands to another. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <pthread.h>
#include <stdbool.h>

#include "bytes.h"

struct page {
    const char *url;
    struct bytes body;
    bool is_html;
    struct page *next;
};

struct channel {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct page *first, *last;
    bool closed;
};

#define CHANNEL_EMPTY {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL, false}

void channel_put(struct channel *channel, struct page *page);

/* Waits for a page. NULL: the channel is closed, and no page is left. */
struct page *channel_take(struct channel *channel);

/* No page is put after this. */
void channel_close(struct channel *channel);

#endif
