/*
 * The reference in C for `list`, `mix` and `cores`: libcurl on one thread, lexbor on another.
 *
 * crawl CONCURRENCY URLS OUT: fetches what the file URLS lists, one URL on each line, and writes
 * JSON lines to OUT: url, digest (SHA-256 in hex), title, links (absolute, without fragment, each
 * once). What it leaves out: it follows no link, takes every page for UTF-8, ignores <base>, and
 * ends at the first failure.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "channel.h"
#include "fetch.h"
#include "reader.h"

#define WAITING_PAGES 64 /* may wait for the thread that parses, besides those being fetched */
#define MOST_CONCURRENCY 10000

struct urls {
    char *text;
    char **each;
    size_t count;
};

struct reading {
    struct channel *ready, *free_pages;
    const char *path;
};

static char *content_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct bytes content = {0};
    char part[65536];
    size_t length;
    if (file == NULL)
        die("%s: %s", path, strerror(errno));
    while ((length = fread(part, 1, sizeof part, file)) > 0)
        bytes_append(&content, part, length);
    if (ferror(file) || fclose(file) != 0)
        die("%s: it cannot be read", path);
    bytes_append(&content, "", 1);
    return (char *)content.data;
}

static struct urls urls_of(const char *path)
{
    struct urls urls = {.text = content_of(path)};
    size_t capacity = 0;
    char *rest;
    for (char *url = strtok_r(urls.text, "\n", &rest); url; url = strtok_r(NULL, "\n", &rest)) {
        if (urls.count == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            urls.each = realloc(urls.each, capacity * sizeof *urls.each);
            if (urls.each == NULL)
                die("no memory for %zu URLs", capacity);
        }
        urls.each[urls.count++] = url;
    }
    return urls;
}

static size_t concurrency_of(const char *argument)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(argument, &end, 10);
    if (errno != 0 || *end != '\0' || number < 1 || number > MOST_CONCURRENCY)
        die("%s is not a concurrency from 1 to %d", argument, MOST_CONCURRENCY);
    return number;
}

static void *read_pages(void *context)
{
    struct reading *reading = context;
    read_all(reading->ready, reading->free_pages, reading->path);
    return NULL;
}

static struct page *pages(size_t count, struct channel *free_pages)
{
    struct page *pages = calloc(count, sizeof *pages);
    if (pages == NULL)
        die("no memory for %zu pages", count);
    for (size_t n = 0; n < count; n++)
        channel_put(free_pages, &pages[n]);
    return pages;
}

int main(int count, char **arguments)
{
    if (count != 4)
        die("crawl CONCURRENCY URLS OUT");
    size_t concurrency = concurrency_of(arguments[1]);
    struct urls urls = urls_of(arguments[2]);
    struct channel ready = CHANNEL_EMPTY, free_pages = CHANNEL_EMPTY;
    struct page *all = pages(concurrency + WAITING_PAGES, &free_pages);
    struct reading reading = {&ready, &free_pages, arguments[3]};
    pthread_t reader;

    int error = pthread_create(&reader, NULL, read_pages, &reading);
    if (error != 0)
        die("pthread_create: %s", strerror(error));
    fetch_all(urls.each, urls.count, concurrency, &free_pages, &ready);
    error = pthread_join(reader, NULL);
    if (error != 0)
        die("pthread_join: %s", strerror(error));

    for (size_t n = 0; n < concurrency + WAITING_PAGES; n++)
        free(all[n].body.data);
    free(all);
    free(urls.each);
    free(urls.text);
    return 0;
}
