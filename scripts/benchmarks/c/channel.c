#include "channel.h"

#include <string.h>

static void check(int error, const char *what)
{
    if (error != 0)
        die("%s: %s", what, strerror(error));
}

static void lock(struct channel *channel)
{
    check(pthread_mutex_lock(&channel->mutex), "pthread_mutex_lock");
}

static void unlock(struct channel *channel)
{
    check(pthread_mutex_unlock(&channel->mutex), "pthread_mutex_unlock");
}

void channel_put(struct channel *channel, struct page *page)
{
    page->next = NULL;
    lock(channel);
    if (channel->first == NULL)
        channel->first = page;
    else
        channel->last->next = page;
    channel->last = page;
    check(pthread_cond_signal(&channel->changed), "pthread_cond_signal");
    unlock(channel);
}

struct page *channel_take(struct channel *channel)
{
    lock(channel);
    while (channel->first == NULL && !channel->closed)
        check(pthread_cond_wait(&channel->changed, &channel->mutex), "pthread_cond_wait");
    struct page *page = channel->first;
    if (page != NULL)
        channel->first = page->next;
    unlock(channel);
    return page;
}

void channel_close(struct channel *channel)
{
    lock(channel);
    channel->closed = true;
    check(pthread_cond_signal(&channel->changed), "pthread_cond_signal");
    unlock(channel);
}
