/* One connection's way through its states: connect, TLS, upgrade, open, closing, dead. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "load.h"

#define ADDRESSES 32            /* 127.0.0.1 … .32 as source: more than one range of ephemeral ports */
#define RESPONSE_LIMIT 4096

/* RFC 6455 1.3: with this key the accept value is known beforehand. */
static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==", accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(world.epoll, operation, c->fd, &event)) fail("epoll_ctl");
}

static void watch_output(struct connection *c, bool on) {
    if (c->watching_output == on) return;
    c->watching_output = on;
    watch(c, EPOLL_CTL_MOD, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int open_socket(void) {
    static uint32_t turn;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + turn++ % ADDRESSES)};
    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&from, sizeof from)) fail("bind");
    return fd;
}

static void forget(struct connection *c) {
    if (c->tls) tls_end(c);
    if (c->fd > 0) close(c->fd);
    free(c->out);
    free(c->response);
    free(c->reader.collected);
    *c = (struct connection){.id = c->id, .generation = c->generation, .sent = c->sent, .seen = c->seen, .since = c->since};
}

/* The connection is over, by whoever's fault; the mode decides whether that was expected. */
void drop(struct connection *c) {
    enum state before = c->state;
    if (before == DEAD || before == FREE) return;
    forget(c);
    c->state = DEAD;
    world.mode->ended(c);
}

/* The path to ask for: its `*`, where it has one, is a word that no other connection has. */
static const char *path_of(const struct connection *c) {
    static char path[512];
    const char *asked = world.options.path, *star = strchr(asked, '*');
    if (!star) return asked;
    snprintf(path, sizeof path, "%.*s%x-%lx-%x%s", (int)(star - asked), asked, (unsigned)getpid(), (long)(c - world.connections),
             c->generation, star + 1);
    return path;
}

static void request_upgrade(struct connection *c) {
    if (world.mode == &http_mode) {
        c->state = OPEN;
        world.mode->opened(c);
        return;
    }
    static char request[1024];
    char protocol[64] = "";
    if (enveloped() && world.language->protocol)
        snprintf(protocol, sizeof protocol, "Sec-WebSocket-Protocol: %s\r\n", world.language->protocol);
    int size = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%s\r\n", path_of(c), world.options.port, key,
        protocol,
        world.options.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                                "client_no_context_takeover\r\n" : "");
    c->state = UPGRADING;
    transmit(c, (uint8_t *)request, (size_t)size);
}

static void connected(struct connection *c) {
    watch_output(c, false);
    if (!world.options.tls) {
        request_upgrade(c);
        return;
    }
    c->state = SECURING;
    tls_begin(c);
    on_event(c, EPOLLIN);
}

/* Starts (or starts over) connection `c`. */
void begin(struct connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(world.options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *c = (struct connection){.id = c->id, .generation = c->generation + 1, .fd = open_socket(), .state = CONNECTING,
                             .since = clock_ns()};
    int result = connect(c->fd, (struct sockaddr *)&to, sizeof to);
    if (result && errno != EINPROGRESS) fail("connect");
    c->watching_output = result != 0;
    watch(c, EPOLL_CTL_ADD, c->watching_output ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (!result) connected(c);
}

static void keep(struct connection *c, const uint8_t *bytes, size_t size) {
    c->out = realloc(c->out, c->out_size + size);
    if (!c->out) fail("realloc");
    memcpy(c->out + c->out_size, bytes, size);
    c->out_size += size;
    watch_output(c, true);
}

/* Writes now what the socket takes, the rest when it is writable again. */
void transmit(struct connection *c, const uint8_t *bytes, size_t size) {
    if (c->state == DEAD) return;
    if (c->out_size) {
        keep(c, bytes, size);
        return;
    }
    while (size) {
        long sent = c->tls ? tls_write(c, bytes, size) : send(c->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            drop(c);
            return;
        }
        if (sent < 0) break;
        bytes += sent;
        size -= (size_t)sent;
    }
    if (size) keep(c, bytes, size);
}

static void flush(struct connection *c) {
    while (c->out_sent < c->out_size) {
        const uint8_t *from = c->out + c->out_sent;
        size_t size = c->out_size - c->out_sent;
        long sent = c->tls ? tls_write(c, from, size) : send(c->fd, from, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) {
            drop(c);
            return;
        }
        c->out_sent += (size_t)sent;
    }
    free(c->out);
    c->out = NULL;
    c->out_size = c->out_sent = 0;
    watch_output(c, false);
}

static bool well_answered(const char *response) {
    bool upgraded = !strncmp(response, "HTTP/1.1 101 ", 13) && strstr(response, accepted);
    return upgraded && (!world.options.deflate || strcasestr(response, "permessage-deflate"));
}

/* Collects the answer to the upgrade; what follows its empty line is already frames. */
static void upgrade_bytes(struct connection *c, const uint8_t *bytes, size_t size) {
    size_t take = size < RESPONSE_LIMIT - c->response_size ? size : RESPONSE_LIMIT - c->response_size;
    c->response = realloc(c->response, c->response_size + take + 1);
    if (!c->response) fail("realloc");
    memcpy(c->response + c->response_size, bytes, take);
    size_t before = c->response_size;
    c->response_size += take;
    c->response[c->response_size] = 0;
    char *end = strstr(c->response, "\r\n\r\n");
    if (!end && c->response_size < RESPONSE_LIMIT) return;
    if (!end || !well_answered(c->response)) {
        fprintf(stderr, "load: bad answer to the upgrade: %.300s\n", c->response);
        world.errors.protocol++;
        drop(c);
        return;
    }
    size_t used = (size_t)(end + 4 - c->response) - before;
    free(c->response);
    c->response = NULL;
    c->response_size = 0;
    c->state = OPEN;
    world.mode->opened(c);
    feed(c, bytes + used, size - used);
}

static void readable(struct connection *c) {
    static uint8_t buffer[READ_SIZE];
    for (uint32_t generation = c->generation; c->state != DEAD && c->generation == generation;) {
        long size = c->tls ? tls_read(c, buffer, sizeof buffer) : recv(c->fd, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) {
            drop(c);
            return;
        }
        world.now = clock_ns();
        if (c->state == UPGRADING) upgrade_bytes(c, buffer, (size_t)size);
        else if (world.mode == &http_mode) http_feed(c, buffer, (size_t)size);
        else feed(c, buffer, (size_t)size);
        if (!c->tls) return;                    /* TLS may hold more than the socket shows, so it reads on */
    }
}

static void on_securing(struct connection *c) {
    int result = tls_handshake(c);
    if (result < 0) {
        world.errors.protocol++;
        drop(c);
    } else if (result > 0) {
        request_upgrade(c);
    }
}

static void on_connecting(struct connection *c) {
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (!problem) {
        connected(c);
        return;
    }
    world.errors.closed++;
    drop(c);
}

void on_event(struct connection *c, uint32_t events) {
    switch (c->state) {
    case CONNECTING: on_connecting(c); return;
    case SECURING: on_securing(c); return;
    case FREE: case DEAD: return;
    default: break;
    }
    if (events & EPOLLOUT) flush(c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && c->state != DEAD) readable(c);
}

/* The next `count` messages of this connection, in one write. */
void send_burst(struct connection *c, int count) {
    uint8_t *at = world.scratch;
    while (count--) at += frame_write(at, c->id, c->sent++);
    c->since = clock_ns();
    transmit(c, world.scratch, (size_t)(at - world.scratch));
}
