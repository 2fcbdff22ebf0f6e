/* The cookies and checksums of IPv4 probes, four at a time.
 *
 * In C because only here can one function be compiled for several processors, of which the program takes the best that it runs on: with AVX2 a
 * probe takes less than half the time, and without it no more than one after the other. Little-endian, as Swift on Linux is. */

#include <string.h>

#include "cframes.h"

enum { LANES = 4, DESTINATION = 16, SEQUENCE = 24, IP_CHECKSUM = 10, TCP_CHECKSUM = 36 };

typedef uint64_t words __attribute__((vector_size(8 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(8 * LANES)));

// The choice is made while the program is loaded, before ThreadSanitizer's own memory is there.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/* Macros, since a function that takes or returns vectors would have another calling convention for each processor. */
#define SAME(value) ((words){(value), (value), (value), (value)})
#define ROTATED(value, bits) ((value) << (bits) | (value) >> (64 - (bits)))

/* Both halves of each word in network byte order. */
#define SWAPPED(value)                                                                                                                     \
    ((words)__builtin_shufflevector((bytes)(value), (bytes)(value), 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, \
                                    23, 22, 21, 20, 27, 26, 25, 24, 31, 30, 29, 28))

#define LOW_HALF(value) ((value) & 0xFFFFFFFF)

/* A round of SipHash (Aumasson & Bernstein, 2012). */
#define SIP_ROUND(v0, v1, v2, v3)          \
    do {                                   \
        (v0) += (v1);                      \
        (v1) = ROTATED((v1), 13) ^ (v0);   \
        (v0) = ROTATED((v0), 32);          \
        (v2) += (v3);                      \
        (v3) = ROTATED((v3), 16) ^ (v2);   \
        (v0) += (v3);                      \
        (v3) = ROTATED((v3), 21) ^ (v0);   \
        (v2) += (v1);                      \
        (v1) = ROTATED((v1), 17) ^ (v2);   \
        (v2) = ROTATED((v2), 32);          \
    } while (0)

/* Folds sums below 2^35 to 16 bits (RFC 1071): the third addition takes in what the second may have carried. */
#define FOLDED_ONCE(sum) (((sum) & 0xFFFF) + ((sum) >> 16))
#define CHECKSUM(sum) (~FOLDED_ONCE(FOLDED_ONCE(FOLDED_ONCE(sum))))

static inline size_t least(size_t left, size_t right) { return left < right ? left : right; }

FOR_EACH_PROCESSOR
size_t cframes_complete(const struct cframes_probes *probes, const cframes_aim *aims, size_t count) {
    const words s0 = SAME(probes->sender[0]), s1 = SAME(probes->sender[1]), s2 = SAME(probes->sender[2]), s3 = SAME(probes->sender[3]);
    uint8_t *header = probes->headers;
    size_t done = 0;
    while (done < count) {
        words aim;
        memcpy(&aim, aims + done, sizeof aim);

        const words foreign = aim >> 48 ^ SAME((uint64_t)probes->source_port);
        const size_t rest = least(count - done, LANES);
        size_t ours = 0;
        while (ours < rest && foreign[ours] == 0) ours++;
        if (ours == 0) break;

        /* The message's last block ends in its length. */
        const words block = (aim & 0xFFFFFFFFFFFF) | (uint64_t)14 << 56;
        words v0 = s0, v1 = s1, v2 = s2, v3 = s3 ^ block;
        SIP_ROUND(v0, v1, v2, v3);
        SIP_ROUND(v0, v1, v2, v3);
        v0 ^= block;
        v2 ^= 0xFF;
        SIP_ROUND(v0, v1, v2, v3);
        SIP_ROUND(v0, v1, v2, v3);
        SIP_ROUND(v0, v1, v2, v3);
        SIP_ROUND(v0, v1, v2, v3);
        const words hash = v0 ^ v1 ^ v2 ^ v3;

        const words cookie = LOW_HALF(SWAPPED(hash));
        const words target = SWAPPED(aim);
        const words ip = CHECKSUM(LOW_HALF(target) + probes->ip_sum);
        const words tcp = CHECKSUM(LOW_HALF(target) + (target >> 32) + cookie + probes->tcp_sum);
        for (size_t lane = 0; lane < ours; lane++, header += probes->stride) {
            /* The destination is the IPv4 header's end, the ports are the TCP header's beginning. */
            memcpy(header + DESTINATION, &(uint64_t){target[lane]}, 8);
            memcpy(header + SEQUENCE, &(uint32_t){(uint32_t)cookie[lane]}, 4);
            memcpy(header + IP_CHECKSUM, &(uint16_t){(uint16_t)ip[lane]}, 2);
            memcpy(header + TCP_CHECKSUM, &(uint16_t){(uint16_t)tcp[lane]}, 2);
        }
        done += ours;
    }
    return done;
}
