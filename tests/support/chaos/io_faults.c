/* Loaded with LD_PRELOAD into a crawl: one call that changes a file below a folder fails, or ends
 * the process, as a bad disk or a crash between two calls would.
 *
 * CHAOS_IO_FOLDER  only files below this folder count
 * CHAOS_IO_AT      the number of the call, from 1
 * CHAOS_IO_KIND    eio, enospc: that call and those after it fail; once: that call alone fails (EIO);
 *                  short: it writes half, the next ones fail (ENOSPC); kill: SIGKILL before it;
 *                  killed: SIGKILL after it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

enum verdict { PASS, FAIL_EIO, FAIL_ENOSPC, HALF, KILL_BEFORE, KILL_AFTER };

static int is_below(const char *path)
{
    const char *folder = getenv("CHAOS_IO_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int concerns(int fd)
{
    char link[64], path[4096];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_below(path);
}

static enum verdict judge(void)
{
    const char *kind = getenv("CHAOS_IO_KIND"), *at = getenv("CHAOS_IO_AT");
    long wanted = at ? atol(at) : 0, call = atomic_fetch_add(&calls, 1) + 1;
    if (!kind || wanted < 1 || call < wanted)
        return PASS;
    if (!strcmp(kind, "eio"))
        return FAIL_EIO;
    if (!strcmp(kind, "enospc"))
        return FAIL_ENOSPC;
    if (!strcmp(kind, "short"))
        return call == wanted ? HALF : FAIL_ENOSPC;
    if (call > wanted)
        return PASS;
    if (!strcmp(kind, "once"))
        return FAIL_EIO;
    return strcmp(kind, "kill") ? KILL_AFTER : KILL_BEFORE;
}

/* Call the real function, or not. HALVED is the call that writes half. */
#define DISTURBED(type, matters, CALL, HALVED)                       \
    do {                                                             \
        enum verdict verdict = (matters) ? judge() : PASS;           \
        type result;                                                 \
        switch (verdict) {                                           \
        case FAIL_EIO: errno = EIO; return -1;                       \
        case FAIL_ENOSPC: errno = ENOSPC; return -1;                 \
        case HALF: return HALVED;                                    \
        case KILL_BEFORE: kill(getpid(), SIGKILL); pause();          \
        default: break;                                              \
        }                                                            \
        result = CALL;                                               \
        if (verdict == KILL_AFTER) { kill(getpid(), SIGKILL); pause(); } \
        return result;                                               \
    } while (0)

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int fails_with_enospc(void)
{
    errno = ENOSPC;
    return -1;
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    DISTURBED(ssize_t, concerns(fd), real(fd, data, size), real(fd, data, size / 2));
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    DISTURBED(ssize_t, concerns(fd), real(fd, parts, count), real(fd, parts, 1));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    REAL(pwrite);
    DISTURBED(ssize_t, concerns(fd), real(fd, data, size, at), real(fd, data, size / 2, at));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    REAL(pwrite64);
    DISTURBED(ssize_t, concerns(fd), real(fd, data, size, at), real(fd, data, size / 2, at));
}

int fsync(int fd)
{
    REAL(fsync);
    DISTURBED(int, concerns(fd), real(fd), fails_with_enospc());
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    DISTURBED(int, concerns(fd), real(fd), fails_with_enospc());
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    DISTURBED(int, concerns(fd), real(fd, size), fails_with_enospc());
}

int ftruncate64(int fd, off64_t size)
{
    REAL(ftruncate64);
    DISTURBED(int, concerns(fd), real(fd, size), fails_with_enospc());
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    DISTURBED(int, is_below(from), real(from, to), fails_with_enospc());
}
