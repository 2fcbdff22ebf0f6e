// Listens on TCP ports of every local address, accepts and closes what completes a handshake, and goes into the background
// once every port is bound, so that whoever started it can scan at once.
//
//     listen ADDRESS PORT|FIRST-LAST …
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void open_port(int epoll, struct in_addr address, unsigned port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0) err(1, "socket");
    if (bind(fd, (struct sockaddr *)&local, sizeof local) != 0) err(1, "cannot bind port %u", port);
    if (listen(fd, 65535) != 0) err(1, "cannot listen on port %u", port);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) err(1, "epoll_ctl");
}

int main(int argc, char **argv) {
    struct in_addr address;
    if (argc < 3 || inet_pton(AF_INET, argv[1], &address) != 1) errx(2, "usage: listen ADDRESS PORT|FIRST-LAST …");
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
        for (unsigned port = first; port <= last; port++) open_port(epoll, address, port);
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
