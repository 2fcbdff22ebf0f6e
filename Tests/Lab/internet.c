// The truth about the simulated internet: prints the open ones among addresses and ports as lines ADDRESS:PORT.
// usage: internet OPEN FIRST-ADDRESS COUNT FIRST-PORT LAST-PORT   (OPEN of 1000 targets; compiled with -DSEED=N like internet.bpf.c)
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "internet.h"

int main(int count, char **words) {
    struct in_addr first;
    if (count != 6 || inet_pton(AF_INET, words[2], &first) != 1) {
        fprintf(stderr, "usage: internet OPEN FIRST-ADDRESS COUNT FIRST-PORT LAST-PORT\n");
        return 2;
    }
    __u32 open = strtoul(words[1], NULL, 10), hosts = strtoul(words[3], NULL, 10);
    unsigned low = strtoul(words[4], NULL, 10), high = strtoul(words[5], NULL, 10);
    for (__u32 host = 0; host < hosts; host++) {
        __u32 address = ntohl(first.s_addr) + host;
        for (unsigned port = low; port <= high; port++) {
            if (internet_draw(address, port) >= open) continue;
            printf("%u.%u.%u.%u:%u\n", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255, port);
        }
    }
    return 0;
}
