#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MOST_EVENTS 64
#define NO_DEADLINE (-1)
#define HTML "text/html"

struct fetcher {
    CURLM *multi;
    int epoll;
    int64_t deadline_ms; /* on the monotonic clock: libcurl wants to be called then */
    size_t running;
    char *const *next, *const *end;
    struct channel *free_pages, *ready;
};

static void check_multi(CURLMcode code)
{
    if (code != CURLM_OK)
        die("libcurl: %s", curl_multi_strerror(code));
}

static void check_easy(CURLcode code)
{
    if (code != CURLE_OK)
        die("libcurl: %s", curl_easy_strerror(code));
}

static int64_t now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        die("clock_gettime: %s", strerror(errno));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int on_timer(CURLM *multi, long wait_ms, void *context)
{
    (void)multi;
    struct fetcher *fetcher = context;
    fetcher->deadline_ms = wait_ms < 0 ? NO_DEADLINE : now_ms() + wait_ms;
    return 0;
}

/* `known` is not NULL for a socket that the epoll has. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *known)
{
    (void)easy;
    struct fetcher *fetcher = context;
    struct epoll_event event = {.data.fd = socket};
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE) {
        /* A closed socket has left by itself. */
        if (epoll_ctl(fetcher->epoll, EPOLL_CTL_DEL, socket, NULL) != 0 && errno != EBADF && errno != ENOENT)
            die("epoll_ctl: %s", strerror(errno));
        return 0;
    }
    if (epoll_ctl(fetcher->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    if (known == NULL)
        check_multi(curl_multi_assign(fetcher->multi, socket, fetcher));
    return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct page *page = context;
    size_t length = size * count;
    if (page->body.length + length > MOST_BODY_BYTES)
        die("%s: the body has more than %u bytes", page->url, MOST_BODY_BYTES);
    bytes_append(&page->body, data, length);
    return length;
}

static void start(struct fetcher *fetcher, CURL *easy)
{
    struct page *page = channel_take(fetcher->free_pages);
    page->url = *fetcher->next++;
    page->body.length = 0;
    check_easy(curl_easy_setopt(easy, CURLOPT_URL, page->url));
    check_easy(curl_easy_setopt(easy, CURLOPT_WRITEDATA, page));
    check_easy(curl_easy_setopt(easy, CURLOPT_PRIVATE, page));
    check_multi(curl_multi_add_handle(fetcher->multi, easy));
    fetcher->running++;
}

static CURL *new_easy(void)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        die("libcurl: no easy handle");
    check_easy(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    check_easy(curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 128L * 1024));
    check_easy(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
    return easy;
}

static bool is_html(CURL *easy)
{
    const char *type = NULL;
    check_easy(curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type));
    return type != NULL && strncasecmp(type, HTML, strlen(HTML)) == 0;
}

/* Hands the page on, and starts the next transfer with the same handle. */
static void finish(struct fetcher *fetcher, CURL *easy, CURLcode result)
{
    struct page *page = NULL;
    long status = 0;
    check_easy(curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&page));
    check_easy(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status));
    if (result != CURLE_OK)
        die("%s: %s", page->url, curl_easy_strerror(result));
    if (status != 200)
        die("%s: status %ld", page->url, status);
    page->is_html = is_html(easy);
    check_multi(curl_multi_remove_handle(fetcher->multi, easy));
    fetcher->running--;
    channel_put(fetcher->ready, page);
    if (fetcher->next < fetcher->end)
        start(fetcher, easy);
    else
        curl_easy_cleanup(easy);
}

static void finish_what_is_done(struct fetcher *fetcher)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(fetcher, message->easy_handle, message->data.result);
}

static void act(struct fetcher *fetcher, curl_socket_t socket, int what)
{
    int running;
    check_multi(curl_multi_socket_action(fetcher->multi, socket, what, &running));
}

static int flags(uint32_t events)
{
    return (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

static int wait_ms(const struct fetcher *fetcher)
{
    if (fetcher->deadline_ms == NO_DEADLINE)
        return -1;
    int64_t left = fetcher->deadline_ms - now_ms();
    return left < 0 ? 0 : (int)left;
}

/* One turn: sockets that are ready, the deadline if it has come, and what they finished. */
static void turn(struct fetcher *fetcher)
{
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(fetcher->epoll, events, MOST_EVENTS, wait_ms(fetcher));
    if (count < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    for (int n = 0; n < count; n++)
        act(fetcher, events[n].data.fd, flags(events[n].events));
    if (fetcher->deadline_ms != NO_DEADLINE && wait_ms(fetcher) == 0) {
        fetcher->deadline_ms = NO_DEADLINE;
        act(fetcher, CURL_SOCKET_TIMEOUT, 0);
    }
    finish_what_is_done(fetcher);
}

static void open_fetcher(struct fetcher *fetcher, size_t concurrency)
{
    fetcher->multi = curl_multi_init();
    if (fetcher->multi == NULL)
        die("libcurl: no multi handle");
    fetcher->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (fetcher->epoll < 0)
        die("epoll_create1: %s", strerror(errno));
    fetcher->deadline_ms = NO_DEADLINE;
    CURLM *multi = fetcher->multi;
    check_multi(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency));
    check_multi(curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer));
    check_multi(curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher));
    check_multi(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket));
    check_multi(curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher));
}

void fetch_all(char *const *urls, size_t count, size_t concurrency,
               struct channel *free_pages, struct channel *ready)
{
    struct fetcher fetcher = {
        .next = urls, .end = urls + count, .free_pages = free_pages, .ready = ready};
    check_easy(curl_global_init(CURL_GLOBAL_DEFAULT));
    open_fetcher(&fetcher, concurrency);
    for (size_t n = 0; n < concurrency && fetcher.next < fetcher.end; n++)
        start(&fetcher, new_easy());
    while (fetcher.running > 0)
        turn(&fetcher);
    channel_close(ready);
    check_multi(curl_multi_cleanup(fetcher.multi));
    close(fetcher.epoll);
    curl_global_cleanup();
}
