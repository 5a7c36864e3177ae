/* The floor: what a WebSocket server costs when it is nothing but recv, parse, unmask and send.
 *
 * Plain C on one epoll.  It checks nothing (no limits, no UTF-8, no timeouts, no origin), so nothing that obeys the
 * protocol can be much cheaper.  Echo answers all frames of one recv with one send.  On /fan every message goes to all
 * other connections of /fan by a loop of send, in descriptor order.  Prints the port it has bound.
 *
 * Compiled with -DFAULTY, every message whose number is a multiple of `FAULT_EVERY` is lost, doubled or damaged, or its
 * connection dropped (argument: lose, double, damage, drop), which the load generator must report; "refuse" answers
 * 403; "cut" sends all bytes one by one, which it must not mind. */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sha1.h"

#define DESCRIPTORS 65536
#define BUFFER (256 * 1024)
#define BATCH 512
#define FAULT_EVERY 997

/* `held` is an incomplete request or frame; an idle connection has none. */
struct connection { uint8_t *held; uint32_t have, room; bool known, open, fan; };
struct frame { uint8_t opcode; uint64_t size; uint8_t *payload; };

static struct connection connections[DESCRIPTORS];
static int highest;
static uint8_t input[BUFFER], output[BUFFER + 4096];
static size_t output_size;
static const char *fault = "";

static size_t piece_of(size_t size) {
#ifdef FAULTY
    if (!strcmp(fault, "cut")) return 1;
#endif
    return size;
}

static void send_all(int fd, const uint8_t *bytes, size_t size) {
    while (size) {
        ssize_t sent = send(fd, bytes, piece_of(size), MSG_NOSIGNAL);       /* the sockets block on output */
        if (sent <= 0) return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void flush(int fd) {
    if (output_size) send_all(fd, output, output_size);
    output_size = 0;
}

static void bury(int fd) {
    output_size = 0;                                              /* what was meant for it must not reach another */
    free(connections[fd].held);
    memset(&connections[fd], 0, sizeof connections[fd]);
    close(fd);
}

/* An unmasked frame's header; returns its size. */
static size_t write_header(uint8_t *to, uint8_t opcode, uint64_t size) {
    to[0] = 0x80 | opcode;
    if (size < 126) {
        to[1] = (uint8_t)size;
        return 2;
    }
    if (size < 65536) {
        to[1] = 126; to[2] = (uint8_t)(size >> 8); to[3] = (uint8_t)size;
        return 4;
    }
    uint64_t big = htobe64(size);
    to[1] = 127;
    memcpy(to + 2, &big, 8);
    return 10;
}

static void unmask(uint8_t *bytes, uint64_t size, const uint8_t *key) {
    uint64_t wide, word, at = 0;
    memcpy(&wide, key, 4);
    memcpy((uint8_t *)&wide + 4, key, 4);
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, bytes + at, 8);
        word ^= wide;
        memcpy(bytes + at, &word, 8);
    }
    for (; at < size; at++) bytes[at] ^= key[at % 4];
}

/* Bytes that the frame at `from` needs in all, as far as can be told; 0: its header is not complete. */
static uint64_t frame_size(const uint8_t *from, size_t size) {
    if (size < 2) return 0;
    uint8_t length = from[1] & 0x7f;
    uint64_t big;
    if (length < 126) return 6u + length;
    if (length == 126) return size < 4 ? 0 : 8u + (uint64_t)(from[2] << 8 | from[3]);
    if (size < 10) return 0;
    memcpy(&big, from + 2, 8);
    return 14 + be64toh(big);
}

static void append(int fd, const struct frame *f) {
    if (output_size + f->size + 10 > sizeof output) flush(fd);
    if (f->size + 10 > sizeof output) {
        output_size = write_header(output, f->opcode, f->size);
        flush(fd);
        send_all(fd, f->payload, f->size);
        return;
    }
    output_size += write_header(output + output_size, f->opcode, f->size);
    memcpy(output + output_size, f->payload, f->size);
    output_size += f->size;
}

static void fan_out(int from, const struct frame *f) {
    uint8_t head[10];
    size_t size = write_header(head, f->opcode, f->size);
    memcpy(f->payload - size, head, size);                        /* the client's header is longer: there is room */
    for (int fd = 0; fd <= highest; fd++)
        if (connections[fd].fan && fd != from) send_all(fd, f->payload - size, f->size + size);
}

static int copies_of(struct frame *f) {
#ifdef FAULTY
    static uint64_t count;
    if (++count % FAULT_EVERY) return 1;
    if (!strcmp(fault, "lose")) return 0;
    if (!strcmp(fault, "double")) return 2;
    if (!strcmp(fault, "drop")) return -1;
    if (!strcmp(fault, "damage")) f->payload[f->size - 1] ^= 1;
#endif
    (void)f;
    return 1;
}

/* False: the connection is over. */
static bool handle(int fd, struct frame *f) {
    if (f->opcode == 8) {
        append(fd, f);
        flush(fd);
        return false;
    }
    int copies = copies_of(f);
    for (int copy = 0; copy < copies; copy++) {
        if (connections[fd].fan) fan_out(fd, f);
        else append(fd, f);
    }
    return copies >= 0;
}

/* Handles all whole frames; returns the bytes used, or -1 when the connection is over. */
static ssize_t take_frames(int fd, uint8_t *bytes, size_t size) {
    size_t at = 0;
    for (;;) {
        uint64_t whole = frame_size(bytes + at, size - at);
        if (!whole || whole > size - at) break;
        uint64_t payload = whole - 6 - ((bytes[at + 1] & 0x7f) < 126 ? 0 : (bytes[at + 1] & 0x7f) == 126 ? 2 : 8);
        struct frame f = {bytes[at] & 15, payload, bytes + at + whole - payload};
        unmask(f.payload, f.size, f.payload - 4);
        if (!handle(fd, &f)) return -1;
        at += whole;
    }
    flush(fd);
    return (ssize_t)at;
}

static ssize_t take_request(int fd, uint8_t *bytes, size_t size) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t digest[20];
    char accept[29], answer[256], seed[128];
    char *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (!end) return 0;
#ifdef FAULTY
    if (!strcmp(fault, "refuse")) {
        send_all(fd, (const uint8_t *)"HTTP/1.1 403 Forbidden\r\n\r\n", 26);
        return -1;
    }
#endif
    *end = 0;
    char *key = strcasestr((char *)bytes, "\r\nSec-WebSocket-Key: ");
    if (!key) return -1;
    snprintf(seed, sizeof seed, "%.24s%s", key + 21, guid);
    sha1((uint8_t *)seed, strlen(seed), digest);
    base64_digest(digest, accept);
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    connections[fd].open = true;
    connections[fd].fan = !strncmp((char *)bytes, "GET /fan ", 9);
    send_all(fd, (uint8_t *)answer, (size_t)length);
    return end + 4 - (char *)bytes;
}

/* Makes room for the frame (or request) that has begun, so that the rest of it is received in place. */
static void hold(struct connection *c, const uint8_t *bytes, size_t size) {
    uint64_t wanted = c->open ? frame_size(bytes, size) : 4096;
    if (wanted < 4096) wanted = 4096;
    if (wanted < size) wanted = size;
    if (wanted > c->room || bytes != c->held) {
        uint8_t *room = malloc(wanted);
        if (!room) exit(1);
        memcpy(room, bytes, size);
        free(c->held);
        c->held = room;
        c->room = (uint32_t)wanted;
    }
    c->have = (uint32_t)size;
}

static ssize_t take(int fd, uint8_t *bytes, size_t size) {
    ssize_t used = 0;
    if (!connections[fd].open) used = take_request(fd, bytes, size);
    if (used < 0 || !connections[fd].open) return used;
    ssize_t more = take_frames(fd, bytes + used, size - (size_t)used);
    return more < 0 ? more : used + more;
}

static void readable(int fd) {
    struct connection *c = &connections[fd];
    uint8_t *bytes = c->held ? c->held : input;
    size_t room = c->held ? c->room : sizeof input;
    ssize_t size = recv(fd, bytes + c->have, room - c->have, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    size_t have = c->have + (size_t)(size > 0 ? size : 0);
    ssize_t used = size <= 0 ? -1 : take(fd, bytes, have);
    if (used < 0) {
        bury(fd);
        return;
    }
    if ((size_t)used < have) {
        if (used) memmove(bytes, bytes + used, have - (size_t)used);
        hold(c, bytes, have - (size_t)used);
    } else {
        free(c->held);
        c->held = NULL;
        c->have = c->room = 0;
    }
}

static void accept_all(int listener, int epoll) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        if (fd >= DESCRIPTORS) exit(1);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        connections[fd].known = true;
        if (fd > highest) highest = fd;
    }
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096)) exit(1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);     /* accepted sockets inherit it */
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    struct rlimit files;
    struct epoll_event events[BATCH];
    if (argc > 1) fault = argv[1];
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_anywhere(), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) accept_all(listener, epoll);
            else readable(events[i].data.fd);
        }
    }
}
