// Holds every queue of an interface with an AF_XDP socket, as another program on the machine might, until it is ended.
// usage: holdqueue DEVICE     Prints how many queues it holds.
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int hold(unsigned device, unsigned queue) {
    enum { SIZE = 1 << 16 };
    int socket_ = socket(AF_XDP, SOCK_RAW, 0), entries = 64;
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct xdp_umem_reg region = {.addr = (uintptr_t)memory, .len = SIZE, .chunk_size = 2048};
    struct sockaddr_xdp address = {.sxdp_family = AF_XDP, .sxdp_ifindex = device, .sxdp_queue_id = queue, .sxdp_flags = XDP_COPY};
    return setsockopt(socket_, SOL_XDP, XDP_UMEM_REG, &region, sizeof region) ||
           setsockopt(socket_, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof entries) ||
           setsockopt(socket_, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof entries) ||
           setsockopt(socket_, SOL_XDP, XDP_TX_RING, &entries, sizeof entries) || bind(socket_, (void *)&address, sizeof address);
}

int main(int count, char **words) {
    unsigned device = count == 2 ? if_nametoindex(words[1]) : 0, queue = 0;
    while (device && hold(device, queue) == 0) queue++;
    printf("%u\n", queue);
    fflush(stdout);
    if (queue) pause();
    return 1;
}
