// A whole network in one XDP program: answers the SYNs to every address of a prefix, as fast as a scanner can send.
//
// Compiled by the lab with what it is to be:
//   PREFIX, MASK  whose SYNs are answered, numbers; everything else goes to the kernel
//   OPEN, CLOSED  of 1000 targets so many answer with a SYN-ACK, and so many with a RST; the others are silent
//   LOSS          of 10,000 packets so many are lost, on each way
//   LIMIT         a host gives so many answers a second at most; 0: any number
//   SEED          which targets these are
// Section "answer" belongs on the far end of a veth pair. Native XDP_TX needs a program on the other end, too: "pass".
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "internet.h"

#if LIMIT > 0
struct allowance {
    __u64 time, tokens;
};
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1 << 20);
    __type(key, __u32);
    __type(value, struct allowance);
} allowances SEC(".maps");

// A bucket of a tenth of a second's answers, in nanoseconds.
static __always_inline int is_exhausted(__u32 address) {
    const __u64 price = 1000000000 / LIMIT, most = 100000000 > price ? 100000000 : price;
    __u64 now = bpf_ktime_get_ns();
    struct allowance *known = bpf_map_lookup_elem(&allowances, &address);
    struct allowance next = {.time = now, .tokens = most};
    if (known) {
        next.tokens = known->tokens + (now - known->time);
        if (next.tokens > most) next.tokens = most;
    }
    int exhausted = next.tokens < price;
    if (!exhausted) next.tokens -= price;
    bpf_map_update_elem(&allowances, &address, &next, BPF_ANY);
    return exhausted;
}
#else
static __always_inline int is_exhausted(__u32 address) { return 0; }
#endif

static __always_inline int is_lost(void) { return LOSS > 0 && bpf_get_prandom_u32() % 10000 < LOSS; }

static __always_inline __u16 folded(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return ~((sum & 0xffff) + (sum >> 16));
}

// The sum of `words` 16-bit words (RFC 1071), in the byte order of the wire.
static __always_inline __u32 sum(const void *start, int words) {
    const __u16 *word = start;
    __u32 total = 0;
#pragma unroll
    for (int i = 0; i < words; i++) total += word[i];
    return total;
}

SEC("answer")
int answer_syn(struct xdp_md *context) {
    void *start = (void *)(long)context->data, *end = (void *)(long)context->data_end;
    struct ethhdr *frame = start;
    struct iphdr *ip = (void *)(frame + 1);
    struct tcphdr *tcp = (void *)(ip + 1);
    if ((void *)(tcp + 1) > end || frame->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return XDP_PASS;
    __u32 address = bpf_ntohl(ip->daddr);
    if ((address & MASK) != PREFIX) return XDP_PASS;
    if (!tcp->syn || tcp->ack || tcp->rst || is_lost()) return XDP_DROP;
    __u32 draw = internet_draw(address, bpf_ntohs(tcp->dest));
    if (draw >= OPEN + CLOSED || is_exhausted(address) || is_lost()) return XDP_DROP;

    // An answer has no options.
    int surplus = end - (void *)(tcp + 1);
    if (surplus > 0 && bpf_xdp_adjust_tail(context, -surplus)) return XDP_DROP;
    start = (void *)(long)context->data, end = (void *)(long)context->data_end;
    frame = start;
    ip = (void *)(frame + 1);
    tcp = (void *)(ip + 1);
    if ((void *)(tcp + 1) > end) return XDP_DROP;

    __u8 hardware[ETH_ALEN];
    __builtin_memcpy(hardware, frame->h_dest, ETH_ALEN);
    __builtin_memcpy(frame->h_dest, frame->h_source, ETH_ALEN);
    __builtin_memcpy(frame->h_source, hardware, ETH_ALEN);
    __be32 target = ip->daddr;
    ip->daddr = ip->saddr;
    ip->saddr = target;
    ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
    ip->ttl = 64;
    ip->check = 0;
    ip->check = folded(sum(ip, sizeof(*ip) / 2));
    __be16 port = tcp->dest;
    tcp->dest = tcp->source;
    tcp->source = port;
    tcp->ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
    tcp->seq = draw < OPEN ? bpf_htonl(internet_mix(draw ^ address)) : 0;
    tcp->doff = sizeof(*tcp) / 4;
    tcp->syn = draw < OPEN;
    tcp->rst = draw >= OPEN;
    tcp->ack = 1;
    tcp->window = draw < OPEN ? bpf_htons(64240) : 0;
    tcp->urg_ptr = 0;
    tcp->check = 0;
    tcp->check = folded(sum(&ip->saddr, 4) + bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*tcp)) + sum(tcp, sizeof(*tcp) / 2));
    return XDP_TX;
}

SEC("pass")
int pass_on(struct xdp_md *context) { return XDP_PASS; }

char licence[] SEC("license") = "GPL";
