// What the simulated internet has at an address and port: a fate drawn by hash from the seed, the same in the program that answers and in the
// one that writes down the truth.
#pragma once

#include <linux/types.h>

#ifndef SEED
#define SEED 1
#endif

static inline __attribute__((always_inline)) __u32 internet_mix(__u32 value) {
    // The finaliser of MurmurHash3 (Austin Appleby).
    value ^= value >> 16;
    value *= 0x85ebca6b;
    value ^= value >> 13;
    value *= 0xc2b2ae35;
    return value ^ value >> 16;
}

// 0 to 999; both arguments in host order.
static inline __attribute__((always_inline)) __u32 internet_draw(__u32 address, __u16 port) {
    return internet_mix(address ^ internet_mix((__u32)port << 16 ^ SEED)) % 1000;
}
