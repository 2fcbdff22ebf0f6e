// What the kernel takes from one thread that does nothing but send: minimal SYNs into a device, one address patched per packet.
// usage: bareloop xdp|ring|packet DEVICE SECONDS     Prints packets a second.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, FRAMES = 1024, LENGTH = 58, STRIDE = 64 };

static const uint8_t frame[LENGTH] = {
    2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,                                                       // Ethernet
    0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 18, 2, 1, 198, 19, 0, 0,                       // IPv4
    0xf0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 2, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4,         // TCP
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void check(long result, const char *what) {
    if (result < 0) die(what);
}

static void check_sent(long result) {
    if (result < 0 && errno != EAGAIN && errno != EBUSY && errno != ENOBUFS) die("send");
}

static void patch(uint8_t *place, uint64_t number) {
    uint32_t address = htonl(0xc6130000u | (number & 0xffff));
    memcpy(place + 30, &address, sizeof address);
}

static void *map(int socket, size_t size, off_t page) {
    int flags = socket < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, socket, page);
    if (start == MAP_FAILED) die("mmap");
    return start;
}

static int packet_socket(unsigned device) {
    int socket_ = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
    check(socket_, "socket");
    check(setsockopt(socket_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on), "bypass");
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = device};
    check(bind(socket_, (void *)&address, sizeof address), "bind");
    return socket_;
}

static uint64_t by_packet(unsigned device, double end) {
    int socket_ = packet_socket(device);
    static uint8_t places[BATCH][STRIDE];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    for (int i = 0; i < BATCH; i++) {
        memcpy(places[i], frame, LENGTH);
        vectors[i] = (struct iovec){places[i], LENGTH};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    uint64_t sent = 0;
    while (now() < end) {
        for (int i = 0; i < BATCH; i++) patch(places[i], sent + i);
        int taken = sendmmsg(socket_, messages, BATCH, 0);
        check_sent(taken);
        if (taken > 0) sent += taken;
    }
    return sent;
}

static uint64_t by_ring(unsigned device, double end) {
    int socket_ = socket(AF_PACKET, SOCK_RAW, 0), on = 1, version = TPACKET_V2;
    check(socket_, "socket");
    check(setsockopt(socket_, SOL_PACKET, PACKET_VERSION, &version, sizeof version), "version");
    check(setsockopt(socket_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on), "bypass");
    struct tpacket_req request = {.tp_block_size = 1 << 16, .tp_block_nr = FRAMES * 128 >> 16, .tp_frame_size = 128, .tp_frame_nr = FRAMES};
    check(setsockopt(socket_, SOL_PACKET, PACKET_TX_RING, &request, sizeof request), "ring");
    uint8_t *ring = map(socket_, FRAMES * 128, 0);
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = device};
    check(bind(socket_, (void *)&address, sizeof address), "bind");
    const int data = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);
    for (int i = 0; i < FRAMES; i++) memcpy(ring + i * 128 + data, frame, LENGTH);
    uint64_t sent = 0;
    while (now() < end) {
        for (int i = 0; i < BATCH; i++, sent++) {
            struct tpacket2_hdr *header = (void *)(ring + sent % FRAMES * 128);
            while (__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) check_sent(send(socket_, NULL, 0, 0));
            patch((uint8_t *)header + data, sent);
            header->tp_len = LENGTH;
            __atomic_store_n(&header->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
        }
        check_sent(send(socket_, NULL, 0, MSG_DONTWAIT));
    }
    return sent;
}

static uint64_t by_xdp(unsigned device, double end) {
    int socket_ = socket(AF_XDP, SOCK_RAW, 0), entries = FRAMES, fill = 64;
    check(socket_, "socket");
    uint8_t *memory = map(-1, FRAMES * STRIDE, 0);
    struct xdp_umem_reg region = {.addr = (uintptr_t)memory, .len = FRAMES * STRIDE, .chunk_size = 2048};
    check(setsockopt(socket_, SOL_XDP, XDP_UMEM_REG, &region, sizeof region), "memory");
    check(setsockopt(socket_, SOL_XDP, XDP_UMEM_FILL_RING, &fill, sizeof fill), "fill ring");
    check(setsockopt(socket_, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof entries), "completion ring");
    check(setsockopt(socket_, SOL_XDP, XDP_TX_RING, &entries, sizeof entries), "transmit ring");
    int budget = BATCH;
    setsockopt(socket_, SOL_XDP, 9 /* XDP_MAX_TX_SKB_BUDGET, since 6.17 */, &budget, sizeof budget);
    struct xdp_mmap_offsets offsets;
    socklen_t length = sizeof offsets;
    check(getsockopt(socket_, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length), "offsets");
    uint8_t *transmit = map(socket_, offsets.tx.desc + FRAMES * sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
    uint8_t *completion = map(socket_, offsets.cr.desc + FRAMES * sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
    struct sockaddr_xdp address = {.sxdp_family = AF_XDP, .sxdp_ifindex = device, .sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};
    // A queue that has just been let go is free a moment later.
    for (int tries = 0; bind(socket_, (void *)&address, sizeof address) < 0; tries++) {
        if (errno != EBUSY || tries == 200) die("bind");
        usleep(10000);
    }
    uint32_t *offered = (void *)(transmit + offsets.tx.producer);
    uint32_t *done = (void *)(completion + offsets.cr.producer), *seen = (void *)(completion + offsets.cr.consumer);
    struct xdp_desc *descriptors = (void *)(transmit + offsets.tx.desc);
    for (int i = 0; i < FRAMES; i++) memcpy(memory + i * STRIDE, frame, LENGTH);
    uint64_t sent = 0;
    uint32_t under_way = 0;
    while (now() < end) {
        uint32_t completed = __atomic_load_n(done, __ATOMIC_ACQUIRE) - *seen;
        __atomic_store_n(seen, *seen + completed, __ATOMIC_RELEASE);
        under_way -= completed;
        for (int i = 0; i < BATCH && under_way < FRAMES; i++, sent++, under_way++) {
            uint32_t place = sent % FRAMES;
            patch(memory + place * STRIDE, sent);
            descriptors[place] = (struct xdp_desc){.addr = place * STRIDE, .len = LENGTH};
        }
        __atomic_store_n(offered, (uint32_t)sent, __ATOMIC_RELEASE);
        check_sent(sendto(socket_, NULL, 0, MSG_DONTWAIT, NULL, 0));
    }
    return sent - under_way;
}

int main(int count, char **words) {
    unsigned device = count == 4 ? if_nametoindex(words[2]) : 0;
    double start = now(), end = start + (count == 4 ? atof(words[3]) : 0);
    uint64_t sent;
    if (device == 0) {
        fprintf(stderr, "usage: bareloop xdp|ring|packet DEVICE SECONDS\n");
        return 2;
    } else if (!strcmp(words[1], "xdp")) {
        sent = by_xdp(device, end);
    } else if (!strcmp(words[1], "ring")) {
        sent = by_ring(device, end);
    } else {
        sent = by_packet(device, end);
    }
    printf("%.0f\n", sent / (now() - start));
}
