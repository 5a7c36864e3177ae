/* Clients that all come back at once: each connects, says that it connects and where it was in a channel, and is told what it
 * missed.  One thread, one epoll.  Prints one JSON object.
 *
 * storm PORT PATH CHANNEL EPOCH OFFSET COUNT MISSED [SECONDS]; cc -O2 -o storm storm.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTING, UPGRADING, OPEN, DONE, LOST };

struct client { int fd, state; char *data; size_t size, room; double connected, recovered; };

static struct client *clients;
static int count, missed, epoll, left, refused, closed, odd, connected;
static long first;
static struct sockaddr_in address;
static char handshake[1024], greeting[1024];
static size_t handshake_size, greeting_size;
static double begun;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void begin(struct client *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) { perror("socket"); exit(1); }
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) { perror("connect"); exit(1); }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void end(struct client *c, int state) { c->state = state; left--; free(c->data); c->data = NULL; c->size = c->room = 0; }

static void lose(struct client *c, int *counter) {
    if (c->state < DONE) { ++*counter; end(c, LOST); }
    close(c->fd);
    c->fd = -1;
}

/* Whether the answer has each publication from `first` on, once and in order. */
static bool whole(const char *text, size_t size) {
    static const char mark[] = "\"offset\":";
    const char *at = memmem(text, size, "\"publications\":[", 16), *stop = text + size;
    if (!at || !memmem(text, size, "\"recovered\":true", 16)) return false;
    long next = first;
    while ((at = memmem(at, (size_t)(stop - at), mark, sizeof mark - 1))) {
        at += sizeof mark - 1;
        long offset = atol(at);
        if (offset == first + missed && next == first + missed) continue; /* the answer's own, where it comes last */
        if (offset != ++next) return false;
    }
    return next == first + missed;
}

static void hear(struct client *c, const char *text, size_t size) {
    size_t head = size < 64 ? size : 64;
    if (memmem(text, head, "\"connected\"", 11)) { c->connected = now() - begun; connected++; }
    else if (memmem(text, head, "\"subscribed\"", 12)) {
        c->recovered = now() - begun;
        if (!whole(text, size) && !odd++) fprintf(stderr, "odd: %.*s\n", (int)(size < 900 ? size : 900), text);
        end(c, DONE);
    } else if (!memmem(text, head, "\"publication\"", 13) && !odd++) fprintf(stderr, "odd: %.*s\n", (int)head, text);
}

static void receive(struct client *c) {
    static char buffer[1 << 16];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { lose(c, c->state == CONNECTING ? &refused : &closed); return; }
    if (c->state == DONE) return;
    if (c->size + (size_t)got > c->room) c->data = realloc(c->data, c->room = (c->size + (size_t)got) * 2);
    memcpy(c->data + c->size, buffer, (size_t)got);
    c->size += (size_t)got;
    size_t used = 0;
    if (c->state == UPGRADING) {
        char *over = memmem(c->data, c->size, "\r\n\r\n", 4);
        if (!over) return;
        if (memcmp(c->data, "HTTP/1.1 101", 12)) { lose(c, &closed); return; }
        used = (size_t)(over - c->data) + 4;
        c->state = OPEN;
        if (send(c->fd, greeting, greeting_size, MSG_NOSIGNAL) != (ssize_t)greeting_size) { lose(c, &closed); return; }
    }
    while (c->state == OPEN && c->size - used >= 2) {
        const uint8_t *at = (uint8_t *)c->data + used;
        size_t have = c->size - used, size = at[1], start = 2;
        if (size == 126) { if (have < 4) break; size = (size_t)at[2] << 8 | at[3]; start = 4; }
        else if (size == 127) { if (have < 10) break; size = 0; for (int i = 2; i < 10; i++) size = size << 8 | at[i]; start = 10; }
        if (have < start + size) break;
        if ((at[0] & 15) == 8) { lose(c, &closed); return; }
        used += start + size;
        if ((at[0] & 15) == 1) hear(c, (const char *)at + start, size);
    }
    if (c->state == OPEN && used) { memmove(c->data, c->data + used, c->size - used); c->size -= used; }
}

static void on_event(struct client *c, uint32_t events) {
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) { lose(c, &refused); return; }
        c->state = UPGRADING;
        if (send(c->fd, handshake, handshake_size, MSG_NOSIGNAL) != (ssize_t)handshake_size) { lose(c, &closed); return; }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
    } else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
}

static int by_size(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }

static double quantile(double *values, double part) {
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[(int)((count - 1) * part)];
}

static size_t say(char *to, const char *text) {
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    to[0] = (char)0x81;
    to[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (head == 4) { to[2] = (char)(size >> 8); to[3] = (char)size; }
    memset(to + head, 0, 4);        /* a mask that changes nothing */
    memcpy(to + head + 4, text, size);
    return head + 4 + size;
}

static void prepare(char **argv) {
    char text[512];
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    handshake_size = (size_t)snprintf(handshake, sizeof handshake, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: everywire.v1.json\r\n\r\n", argv[2], argv[1]);
    greeting_size = say(greeting, "{\"type\":\"connect\",\"id\":1}");
    snprintf(text, sizeof text, "{\"type\":\"subscribe\",\"id\":2,\"channel\":\"%s\",\"since\":{\"epoch\":\"%s\",\"offset\":%s}}",
             argv[3], argv[4], argv[5]);
    greeting_size += say(greeting + greeting_size, text);
    first = atol(argv[5]);
    count = left = atoi(argv[6]);
    missed = atoi(argv[7]);
}

static void report(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double *times = malloc(sizeof *times * (size_t)count), took = now() - begun;
    printf("{\"clients\":%d,\"refused\":%d,\"closed\":%d,\"odd\":%d,\"left\":%d,", count, refused, closed, odd, left);
    for (int i = 0; i < count; i++) times[i] = clients[i].connected ? clients[i].connected : took;
    printf("\"connected_p50\":%.3f,\"connected_p99\":%.3f,\"connected_all\":%.3f,", quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1));
    for (int i = 0; i < count; i++) times[i] = clients[i].recovered ? clients[i].recovered : took;
    printf("\"recovered_p50\":%.3f,\"recovered_p99\":%.3f,\"recovered_all\":%.3f,", quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1));
    printf("\"own_cpu\":%.3f}\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    free(times);
}

int main(int argc, char **argv) {
    if (argc < 8) { fprintf(stderr, "storm PORT PATH CHANNEL EPOCH OFFSET COUNT MISSED [SECONDS]\n"); return 2; }
    prepare(argv);
    double patience = argc > 8 ? atof(argv[8]) : 60;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc((size_t)count, sizeof *clients);
    static struct epoll_event events[512];
    begun = now();
    int started = 0;
    while (left && now() - begun < patience) {
        for (int i = 0; i < 500 && started < count; i++) begin(&clients[started++]);
        int got = epoll_wait(epoll, events, 512, started < count ? 0 : 100);
        for (int i = 0; i < got; i++) on_event(events[i].data.ptr, events[i].events);
    }
    report();
    return left || odd || refused || closed;
}
