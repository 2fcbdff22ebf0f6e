// What Swift's Glibc module cannot see of Linux: kernel headers, and the calls that glibc hides behind _GNU_SOURCE.
// No logic lives here. _GNU_SOURCE is defined for clinux.c only: in a public header it changes glibc's type layouts
// (fd_set) and the module clashes with Glibc.
#pragma once

#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

// struct mmsghdr (sendmmsg(2)); clinux.c asserts that the layouts agree.
struct clinux_mmsghdr {
    struct msghdr header;
    unsigned int length;
};

// struct ucred (unix(7)).
struct clinux_ucred {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

int clinux_sendmmsg(int socket, struct clinux_mmsghdr *messages, unsigned int count, int flags);
int clinux_eventfd(unsigned int initial, int flags);
int clinux_name_thread(const char *name);

// Timers of the calling thread fire at most this late (prctl(2), PR_SET_TIMERSLACK).
int clinux_set_timer_slack(unsigned long nanoseconds);

// Tells the processor that the calling thread waits in a loop.
void clinux_pause(void);

// ppoll(2) without a signal mask. Here and below times are nanoseconds: the owner of struct timespec among Swift's modules varies.
struct pollfd;
int clinux_ppoll(struct pollfd *entries, unsigned long count, int64_t timeout);

// clock_gettime(2) of CLOCK_REALTIME and CLOCK_MONOTONIC.
int64_t clinux_realtime(void);
int64_t clinux_monotonic(void);
// CLOCK_BOOTTIME: like CLOCK_MONOTONIC, and time asleep counts.
int64_t clinux_boottime(void);

// SO_RCVTIMEO (socket(7)).
int clinux_set_receive_timeout(int socket, int seconds);

enum {
    CLINUX_EFD_CLOEXEC_NONBLOCK = 02000000 | 04000,
    CLINUX_SO_PEERGROUPS = 59,
    // linux/xfrm.h, which does not go together with glibc's headers.
    CLINUX_XFRM_MSG_NEWPOLICY = 19,
    CLINUX_XFRM_MSG_GETPOLICY = 21,
    CLINUX_XFRM_MSG_GETDEFAULT = 40,
    CLINUX_XFRMNLGRP_POLICY = 4,
    CLINUX_XFRMA_TMPL = 5,
    CLINUX_XFRMA_MARK = 21,
    CLINUX_XFRMA_IF_ID = 31,
    // linux/in.h since 6.4, and in kernels of before that are maintained.
    CLINUX_IP_PROTOCOL = 52,
    // linux/if_xdp.h since 6.17.
    CLINUX_XDP_MAX_TX_SKB_BUDGET = 9,
    // Where the bytes of a frame begin in a slot of a TPACKET_V2 transmit ring (packet(7)): TPACKET2_HDRLEN - sizeof(struct sockaddr_ll).
    CLINUX_TPACKET2_DATA = TPACKET_ALIGN(sizeof(struct tpacket2_hdr)),
};
