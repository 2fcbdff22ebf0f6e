#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "clinux.h"

_Static_assert(sizeof(struct clinux_mmsghdr) == sizeof(struct mmsghdr), "mmsghdr size");
_Static_assert(offsetof(struct clinux_mmsghdr, length) == offsetof(struct mmsghdr, msg_len), "mmsghdr layout");
_Static_assert(sizeof(struct clinux_ucred) == sizeof(struct ucred), "ucred size");
_Static_assert(CLINUX_EFD_CLOEXEC_NONBLOCK == (EFD_CLOEXEC | EFD_NONBLOCK), "eventfd flags");
_Static_assert(CLINUX_SO_PEERGROUPS == SO_PEERGROUPS, "SO_PEERGROUPS");

int clinux_sendmmsg(int socket, struct clinux_mmsghdr *messages, unsigned int count, int flags) {
    return sendmmsg(socket, (struct mmsghdr *)messages, count, flags);
}

int clinux_eventfd(unsigned int initial, int flags) { return eventfd(initial, flags); }

int clinux_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

int clinux_set_timer_slack(unsigned long nanoseconds) { return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0); }

void clinux_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int clinux_ppoll(struct pollfd *entries, unsigned long count, int64_t timeout) {
    struct timespec limit = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    return ppoll(entries, count, &limit, NULL);
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clinux_realtime(void) { return now(CLOCK_REALTIME); }

int64_t clinux_monotonic(void) { return now(CLOCK_MONOTONIC); }

int64_t clinux_boottime(void) { return now(CLOCK_BOOTTIME); }

int clinux_set_receive_timeout(int socket, int seconds) {
    struct timeval limit = {.tv_sec = seconds};
    return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

