// Carries every Ethernet frame between two interfaces, later: a path's delay and jitter, for kernels without netem.
//
//     relay OUTER INNER THERE_US THERE_JITTER_US BACK_US BACK_JITTER_US [RATE QUEUE_US]
//
// Frames that arrive at OUTER leave through INNER after THERE ± THERE_JITTER microseconds (uniform), and the other way round with
// BACK. Frames overtake each other as they do on such a path. Each direction has a thread, and a queue of at most SLOTS frames;
// what does not fit is dropped and counted. With a RATE no more than so many frames a second go there, and what would wait for its
// turn longer than QUEUE microseconds is dropped, too: a tail-drop queue. The virtio header goes along, so unfinished checksums stay
// as the kernel left them.
// Goes into the background once both sockets are open. On SIGTERM, or when an interface is gone, it says on standard error how many
// frames it carried and dropped, and ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 1 << 17,       // frames under way in one direction; memory is touched only as it is used
    SLOT_BYTES = 2048,     // virtio header and frame
    BATCH = 64,            // frames per system call
    TICK_NS = 200000,      // how finely departures are timed
    BUFFER_BYTES = 64 << 20
};

struct departure {
    uint64_t due;
    uint32_t slot, length;
};

struct direction {
    int from, to;
    uint64_t delay_ns, jitter_ns, random;
    uint64_t gap_ns, queue_ns, free_ns;  // a frame's time on a link with a rate, its queue, and when it is free; without one gap is 0
    uint8_t (*slots)[SLOT_BYTES];
    uint32_t *spare;            // slots that hold nothing, last freed on top
    uint32_t spare_count;
    struct departure *queue;    // binary heap, the earliest first
    uint32_t queued;
    uint64_t carried, dropped;
};

static atomic_bool ending;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/// The next delay: uniform in delay ± jitter (xorshift64*, Marsaglia 2003 and Vigna 2016).
static uint64_t next_delay(struct direction *d) {
    if (d->jitter_ns == 0) return d->delay_ns;
    d->random ^= d->random >> 12;
    d->random ^= d->random << 25;
    d->random ^= d->random >> 27;
    uint64_t draw = (d->random * 2685821657736338717u) >> 32;
    return d->delay_ns - d->jitter_ns + ((draw * (2 * d->jitter_ns + 1)) >> 32);
}

/// When a frame that arrives now goes out, or 0 when the queue is full.
static uint64_t departure_time(struct direction *d, uint64_t now) {
    if (d->gap_ns == 0) return now + next_delay(d);
    uint64_t start = d->free_ns > now ? d->free_ns : now;
    if (start - now > d->queue_ns) return 0;
    d->free_ns = start + d->gap_ns;
    return d->free_ns + next_delay(d);
}

static void push(struct direction *d, struct departure item) {
    uint32_t i = d->queued++;
    while (i > 0 && d->queue[(i - 1) / 2].due > item.due) {
        d->queue[i] = d->queue[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    d->queue[i] = item;
}

static struct departure pop(struct direction *d) {
    struct departure first = d->queue[0], last = d->queue[--d->queued];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= d->queued) break;
        if (child + 1 < d->queued && d->queue[child + 1].due < d->queue[child].due) child++;
        if (last.due <= d->queue[child].due) break;
        d->queue[i] = d->queue[child];
        i = child;
    }
    d->queue[i] = last;
    return first;
}

/// Whether the interface is gone or down for good: the lab has ended.
static bool is_over(int error) { return error == ENETDOWN || error == ENXIO || error == ENODEV || error == EBADF; }

/// Takes every waiting frame into the queue. False when the interface is gone.
static bool receive(struct direction *d) {
    static _Thread_local uint8_t excess[SLOT_BYTES];
    for (;;) {
        struct mmsghdr messages[BATCH] = {0};
        struct iovec parts[BATCH];
        uint32_t room = d->spare_count < BATCH ? d->spare_count : BATCH;
        uint32_t wanted = room > 0 ? room : 1;
        for (uint32_t i = 0; i < wanted; i++) {
            void *target = room > 0 ? d->slots[d->spare[d->spare_count - 1 - i]] : excess;
            parts[i] = (struct iovec){target, SLOT_BYTES};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(d->from, messages, wanted, MSG_DONTWAIT, NULL);
        if (n < 0) return errno == EINTR || !is_over(errno);
        if (room == 0) {
            d->dropped += (uint64_t)n;
            continue;
        }
        uint64_t now = now_ns();
        uint32_t base = d->spare_count, kept = 0, returned[BATCH];
        d->spare_count -= (uint32_t)n;
        for (int i = 0; i < n; i++) {
            uint32_t slot = d->spare[base - 1 - (uint32_t)i];
            uint64_t due = departure_time(d, now);
            if (due == 0 || messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
                returned[kept++] = slot;
                d->dropped++;
            } else {
                push(d, (struct departure){due, slot, messages[i].msg_len});
            }
        }
        for (uint32_t i = 0; i < kept; i++) d->spare[d->spare_count++] = returned[i];
        if (n < BATCH) return true;
    }
}

/// Sends every frame whose time has come. False when the interface is gone.
static bool transmit(struct direction *d) {
    while (d->queued > 0 && d->queue[0].due <= now_ns()) {
        struct mmsghdr messages[BATCH] = {0};
        struct iovec parts[BATCH];
        uint32_t slots[BATCH];
        int count = 0, sent = 0;
        for (uint64_t now = now_ns(); count < BATCH && d->queued > 0 && d->queue[0].due <= now; count++) {
            struct departure item = pop(d);
            slots[count] = item.slot;
            parts[count] = (struct iovec){d->slots[item.slot], item.length};
            messages[count].msg_hdr = (struct msghdr){.msg_iov = &parts[count], .msg_iovlen = 1};
        }
        while (sent < count) {
            int n = sendmmsg(d->to, messages + sent, (unsigned)(count - sent), 0);
            if (n > 0) {
                sent += n;
                d->carried += (uint64_t)n;
            } else if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
                if (is_over(errno)) return false;
                sent++;  // a frame that the interface refuses is lost, as on a wire
                d->dropped++;
            }
        }
        for (int i = 0; i < count; i++) d->spare[d->spare_count++] = slots[i];
    }
    return true;
}

static void *carry(void *argument) {
    struct direction *d = argument;
    prctl(PR_SET_TIMERSLACK, 1000UL);
    while (!atomic_load(&ending)) {
        if (d->queued == 0) {
            struct pollfd waiting = {.fd = d->from, .events = POLLIN};
            poll(&waiting, 1, 100);
        } else {
            nanosleep(&(struct timespec){0, TICK_NS}, NULL);
        }
        if (!receive(d) || !transmit(d)) atomic_store(&ending, true);
    }
    return NULL;
}

static int open_interface(const char *name) {
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) err(1, "AF_PACKET socket");
    int one = 1, bytes = BUFFER_BYTES;
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) err(1, "PACKET_VNET_HDR");
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0) err(1, "PACKET_IGNORE_OUTGOING");
    if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) != 0) err(1, "PACKET_QDISC_BYPASS");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) err(1, "SO_RCVBUFFORCE");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) err(1, "SO_SNDBUFFORCE");
    struct sockaddr_ll local = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
    if (local.sll_ifindex == 0) err(1, "interface %s", name);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) != 0) err(1, "cannot bind to %s", name);
    return fd;
}

static struct direction make_direction(int from, int to, const char *delay_us, const char *jitter_us, uint64_t seed) {
    struct direction d = {.from = from, .to = to, .random = seed, .spare_count = SLOTS};
    d.delay_ns = strtoull(delay_us, NULL, 10) * 1000;
    d.jitter_ns = strtoull(jitter_us, NULL, 10) * 1000;
    if (d.jitter_ns > d.delay_ns || d.delay_ns > 60000000000u) errx(2, "a delay is at most 60 s, its jitter no larger than itself");
    d.slots = mmap(NULL, (size_t)SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    d.spare = malloc(SLOTS * sizeof *d.spare);
    d.queue = malloc(SLOTS * sizeof *d.queue);
    if (d.slots == MAP_FAILED || d.spare == NULL || d.queue == NULL) err(1, "memory");
    for (uint32_t i = 0; i < SLOTS; i++) d.spare[i] = SLOTS - 1 - i;
    return d;
}

static void report(const char *name, struct direction *d) {
    struct tpacket_stats kernel = {0};
    getsockopt(d->from, SOL_PACKET, PACKET_STATISTICS, &kernel, &(socklen_t){sizeof kernel});
    fprintf(stderr, "relay, %s: %ju frames carried, %ju dropped\n", name, (uintmax_t)d->carried,
            (uintmax_t)(d->dropped + kernel.tp_drops));
}

int main(int argc, char **argv) {
    if (argc != 7 && argc != 9) errx(2, "usage: relay OUTER INNER THERE_US THERE_JITTER_US BACK_US BACK_JITTER_US [RATE QUEUE_US]");
    int outer = open_interface(argv[1]), inner = open_interface(argv[2]);
    struct direction there = make_direction(outer, inner, argv[3], argv[4], 0x9e3779b97f4a7c15u);
    struct direction back = make_direction(inner, outer, argv[5], argv[6], 0xd1b54a32d192ed03u);
    if (argc == 9) {
        uint64_t rate = strtoull(argv[7], NULL, 10);
        if (rate == 0) errx(2, "a rate is at least 1");
        there.gap_ns = 1000000000u / rate;
        there.queue_ns = strtoull(argv[8], NULL, 10) * 1000;
    }
    if (daemon(1, 1) != 0) err(1, "daemon");

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_t threads[2];
    if (pthread_create(&threads[0], NULL, carry, &there) != 0 || pthread_create(&threads[1], NULL, carry, &back) != 0)
        errx(1, "cannot start a thread");
    while (!atomic_load(&ending)) {
        if (sigtimedwait(&signals, NULL, &(struct timespec){0, 100000000}) > 0) atomic_store(&ending, true);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    report("there", &there);
    report("back", &back);
    return 0;
}
