// Listens on TCP ports of one local address or of all of a family (0.0.0.0, ::), accepts and closes what completes a handshake, and goes into the background
// once every port is bound, so that whoever started it can scan at once.
//
//     listen ADDRESS PORT|FIRST-LAST …
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void open_port(int epoll, const union address *address, unsigned port) {
    union address local = *address;
    int is_v6 = local.any.sa_family == AF_INET6;
    if (is_v6) local.v6.sin6_port = htons(port); else local.v4.sin_port = htons(port);
    int fd = socket(local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0) err(1, "socket");
    if (is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)) != 0) err(1, "IPV6_V6ONLY");
    if (bind(fd, &local.any, is_v6 ? sizeof local.v6 : sizeof local.v4) != 0) err(1, "cannot bind port %u", port);
    if (listen(fd, 65535) != 0) err(1, "cannot listen on port %u", port);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) err(1, "epoll_ctl");
}

static int read_address(const char *text, union address *address) {
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) address->any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) address->any.sa_family = AF_INET6;
    else return 0;
    return 1;
}

int main(int argc, char **argv) {
    union address address = {0};
    if (argc < 3 || !read_address(argv[1], &address)) errx(2, "usage: listen ADDRESS PORT|FIRST-LAST …");
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) err(1, "epoll_create1");
    for (int i = 2; i < argc; i++) {
        unsigned first, last;
        int fields = sscanf(argv[i], "%u-%u", &first, &last);
        if (fields == 1) last = first;
        if (fields < 1 || first == 0 || last > 65535 || first > last) errx(2, "not a port or a range of ports: %s", argv[i]);
        for (unsigned port = first; port <= last; port++) open_port(epoll, &address, port);
    }
    if (daemon(0, 0) != 0) err(1, "daemon");
    for (;;) {
        struct epoll_event ready[64];
        int n = epoll_wait(epoll, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            int connection;
            while ((connection = accept4(ready[i].data.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) close(connection);
        }
    }
}
