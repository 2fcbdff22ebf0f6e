// Answers for hosts on a link that asks where they are: ARP requests and neighbour solicitations.
//
//     neighbours INTERFACE [LOSS]
//
// LOSS of a thousand questions get no answer. What comes here is seen before nftables could drop it.
// Standard input has the hosts, a line each: an address and its hardware address. An address with several lines gets an answer from
// each. A block (198.18.3.0/24) answers as a whole; no other line may lie inside it. Prints "ready" when it has read all, and answers
// until it is killed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1 << 17 };

// Addresses are 16 bytes, those of IPv4 mapped.
static struct host {
    uint8_t address[16], last[16], hardware[6];
} hosts[MOST];
static int count;

static int by_address(const void *a, const void *b) { return memcmp(a, b, 16); }

static void mapped(uint8_t *out, const void *v4) {
    memcpy(out, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    memcpy(out + 12, v4, 4);
}

static void read_hosts(void) {
    char text[128];
    uint8_t v4[4];
    unsigned length, mac[6];
    for (char line[256]; fgets(line, sizeof line, stdin);) {
        struct host *host = &hosts[count];
        int fields = sscanf(line, "%127[^/ ]/%u", text, &length);
        char *rest = strchr(line, ' ');
        if (count == MOST || fields < 1 || !rest ||
            sscanf(rest, " %x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != 6)
            errx(2, "not a host: %s", line);
        if (inet_pton(AF_INET, text, v4) == 1) {
            mapped(host->address, v4);
            length = fields == 2 ? 96 + length : 128;
        } else if (inet_pton(AF_INET6, text, host->address) != 1) {
            errx(2, "not an address: %s", text);
        } else if (fields < 2) {
            length = 128;
        }
        for (int i = 0; i < 16; i++) {
            int bits = (int)length - 8 * i;
            uint8_t mask = bits >= 8 ? 255 : bits <= 0 ? 0 : 255 << (8 - bits);
            host->last[i] = host->address[i] | (uint8_t)~mask;
        }
        for (int i = 0; i < 6; i++) host->hardware[i] = mac[i];
        count++;
    }
    qsort(hosts, count, sizeof *hosts, by_address);
}

// The last host that begins at or before the address, or -1.
static int find(const uint8_t *address) {
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (memcmp(hosts[middle].address, address, 16) <= 0) low = middle + 1;
        else high = middle;
    }
    return low - 1;
}

static size_t arp_answer(uint8_t *frame, const uint8_t *asked, const struct host *host) {
    const struct ether_arp *question = (const void *)(asked + 14);
    struct ether_arp *answer = (void *)(frame + 14);
    *answer = *question;
    answer->arp_op = htons(ARPOP_REPLY);
    memcpy(answer->arp_sha, host->hardware, 6);
    memcpy(answer->arp_spa, question->arp_tpa, 4);
    memcpy(answer->arp_tha, question->arp_sha, 6);
    memcpy(answer->arp_tpa, question->arp_spa, 4);
    return 14 + sizeof *answer;
}

static uint16_t checksum(const struct ip6_hdr *ip, size_t length) {
    const uint8_t *bytes = (const uint8_t *)&ip->ip6_src;
    uint32_t sum = length + IPPROTO_ICMPV6;
    for (size_t i = 0; i < 32 + length; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16) sum = (sum >> 16) + (sum & 0xffff);
    return htons(~sum);
}

static size_t advertisement(uint8_t *frame, const uint8_t *asked, const struct host *host) {
    const struct ip6_hdr *from = (const void *)(asked + 14);
    const struct nd_neighbor_solicit *question = (const void *)(asked + 54);
    struct ip6_hdr *ip = (void *)(frame + 14);
    struct nd_neighbor_advert *answer = (void *)(frame + 54);
    size_t length = sizeof *answer + 8;
    *ip = (struct ip6_hdr){.ip6_flow = htonl(6u << 28), .ip6_plen = htons(length), .ip6_nxt = IPPROTO_ICMPV6, .ip6_hlim = 255,
                           .ip6_src = question->nd_ns_target, .ip6_dst = from->ip6_src};
    *answer = (struct nd_neighbor_advert){.nd_na_type = ND_NEIGHBOR_ADVERT, .nd_na_flags_reserved = ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE,
                                          .nd_na_target = question->nd_ns_target};
    frame[54 + sizeof *answer] = ND_OPT_TARGET_LINKADDR;
    frame[55 + sizeof *answer] = 1;
    memcpy(frame + 56 + sizeof *answer, host->hardware, 6);
    answer->nd_na_cksum = checksum(ip, length);
    return 54 + length;
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 3) errx(2, "usage: neighbours INTERFACE [LOSS]");
    int loss = argc == 3 ? atoi(argv[2]) : 0;
    srandom(1);
    read_hosts();
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(argv[1])};
    if (fd < 0 || bind(fd, (struct sockaddr *)&link, sizeof link) != 0) err(1, "%s", argv[1]);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){1 << 26}, sizeof(int));
    // Solicitations go to groups that this machine has not joined.
    struct packet_mreq all = {.mr_ifindex = link.sll_ifindex, .mr_type = PACKET_MR_ALLMULTI};
    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint8_t asked[2048], frame[2048], target[16];
        struct sockaddr_ll from;
        socklen_t size = sizeof from;
        ssize_t got = recvfrom(fd, asked, sizeof asked, 0, (struct sockaddr *)&from, &size);
        if (got < 42 || from.sll_pkttype == PACKET_OUTGOING) continue;
        int type = asked[12] << 8 | asked[13];
        int is_arp = type == ETH_P_ARP && asked[20] == 0 && asked[21] == ARPOP_REQUEST;
        int is_solicitation = type == ETH_P_IPV6 && got >= 78 && asked[20] == IPPROTO_ICMPV6 && asked[54] == ND_NEIGHBOR_SOLICIT;
        if (is_arp) mapped(target, asked + 38);
        else if (is_solicitation) memcpy(target, asked + 62, 16);
        else continue;
        if (random() % 1000 < loss) continue;
        for (int i = find(target); i >= 0 && memcmp(target, hosts[i].last, 16) <= 0; i--) {
            memcpy(frame, asked + 6, 6);
            memcpy(frame + 6, hosts[i].hardware, 6);
            memcpy(frame + 12, asked + 12, 2);
            size_t length = is_arp ? arp_answer(frame, asked, &hosts[i]) : advertisement(frame, asked, &hosts[i]);
            send(fd, frame, length, 0);
        }
    }
}
