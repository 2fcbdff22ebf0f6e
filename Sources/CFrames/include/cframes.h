#ifndef CFRAMES_H
#define CFRAMES_H

#include <stddef.h>
#include <stdint.h>

/* What a probe asks: the destination in the lowest 32 bits, then its port, then the source port. */
typedef uint64_t cframes_aim;

/* IPv4 probes, each a copy of a template that lacks addresses and ports, cookie and checksums. */
struct cframes_probes {
    /* Where the first IPv4 header begins, and how far it is from each to the next. */
    uint8_t *headers;
    size_t stride;
    /* The sums of the template's 16-bit words as they lie in memory: of the IPv4 header, and of the TCP header with the pseudo-header (RFC 1071).
       Each below 2^32. */
    uint64_t ip_sum;
    uint64_t tcp_sum;
    /* SipHash-2-4's state after the source's address and port, and that port. */
    uint64_t sender[4];
    uint16_t source_port;
};

/* So many more entries than probes must be readable. */
enum { CFRAMES_PADDING = 3 };

/* Aims the first probes that come from `source_port`, at most `count`, and completes them: how many. */
size_t cframes_complete(const struct cframes_probes *probes, const cframes_aim *aims, size_t count);

#endif
