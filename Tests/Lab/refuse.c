// Preloaded into synscand: the kernel refuses some sends, as a tunnel's device does for an address that none of its peers has.
//
// REFUSE_ERRNO is what it says. Packets and frames to 198.18.64.64/26 are refused where they can be seen (sendmmsg, send). Of the calls that
// have the kernel read a ring, those numbered REFUSE_FROM up to REFUSE_TO are.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int number(const char *name) { return getenv(name) ? atoi(getenv(name)) : 0; }

static int is_refused(const struct msghdr *message) {
    uint32_t address;
    const struct sockaddr_in *to = message->msg_name;
    if (to) address = to->sin_family == AF_INET ? to->sin_addr.s_addr : 0;
    else memcpy(&address, (const char *)message->msg_iov[0].iov_base + 30, 4);
    return (ntohl(address) & 0xffffffc0) == 0xc6124040;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    static int (*real)(int, struct mmsghdr *, unsigned, int);
    if (!real) real = dlsym(RTLD_NEXT, "sendmmsg");
    unsigned passed = 0;
    while (passed < count && !is_refused(&messages[passed].msg_hdr)) passed++;
    if (passed > 0 || count == 0) return real(fd, messages, passed, flags);
    errno = number("REFUSE_ERRNO");
    return -1;
}

static int is_refused_call(void) {
    static int calls;
    int call = __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    if (call < number("REFUSE_FROM") || call >= number("REFUSE_TO")) return 0;
    errno = number("REFUSE_ERRNO");
    return 1;
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = dlsym(RTLD_NEXT, "send");
    const uint8_t *frame = bytes;
    if (frame && count >= 54 && frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_TCP) {
        struct iovec vector = {(void *)bytes, count};
        if (is_refused(&(struct msghdr){.msg_iov = &vector, .msg_iovlen = 1})) {
            errno = number("REFUSE_ERRNO");
            return -1;
        }
    }
    return !bytes && is_refused_call() ? -1 : real(fd, bytes, count, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t length) {
    static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendto");
    return !bytes && !to && is_refused_call() ? -1 : real(fd, bytes, count, flags, to, length);
}
