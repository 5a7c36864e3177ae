/* http: requests one after another on each connection; a response's body is `size` times an x, or says how many bytes an upload had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

#define HEAD_LIMIT 4096

static struct { uint8_t *bytes; size_t size; char counted[24]; bool upload; } request;

static void prepare(void) {
    const struct options *o = &world.options;
    request.upload = !strncmp(o->path, "/upload", 7);
    request.bytes = malloc(HEAD_LIMIT + (request.upload ? o->size : 0));
    if (!request.bytes) fail("malloc");
    char length[64] = "";
    if (request.upload) snprintf(length, sizeof length, "Content-Length: %zu\r\n", o->size);
    request.size = (size_t)snprintf((char *)request.bytes, HEAD_LIMIT,
        "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: load\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n%s\r\n",
        request.upload ? "POST" : "GET", o->path, o->port, length);
    if (request.upload) {
        memset(request.bytes + request.size, 'x', o->size);
        request.size += o->size;
    }
    snprintf(request.counted, sizeof request.counted, "%zu", o->size);
}

/* The next request of this connection. */
void ask(struct connection *c) {
    if (!request.bytes) prepare();
    c->sent++;
    c->since = clock_ns();
    transmit(c, request.bytes, request.size);
}

static void wrong(struct connection *c, const char *head) {
    fprintf(stderr, "load: bad answer: %.300s\n", head);
    world.errors.protocol++;
    drop(c);
}

/* Collects a head; gives how many of the bytes belong to it, 0 where the connection is given up. */
static size_t head_bytes(struct connection *c, const uint8_t *bytes, size_t size) {
    size_t before = c->response_size, take = size < HEAD_LIMIT - before ? size : HEAD_LIMIT - before;
    c->response = realloc(c->response, before + take + 1);
    if (!c->response) fail("realloc");
    memcpy(c->response + before, bytes, take);
    c->response_size += take;
    c->response[c->response_size] = 0;
    char *end = strstr(c->response, "\r\n\r\n"), *length;
    if (!end && c->response_size < HEAD_LIMIT) return take;
    if (end) end[2] = 0;
    length = end ? strcasestr(c->response, "\r\ncontent-length:") : NULL;
    size_t expected = request.upload ? strlen(request.counted) : world.options.size;
    if (!length || strncmp(c->response, "HTTP/1.1 200 ", 13) || strtoull(length + 17, NULL, 10) != expected) {
        wrong(c, c->response);
        return 0;
    }
    size_t used = (size_t)(end + 4 - c->response) - before;
    free(c->response);
    c->response = NULL;
    c->response_size = 0;
    c->reader = (struct reader){.in_payload = true, .size = expected};
    return used;
}

static bool body_holds(struct connection *c, const uint8_t *bytes, size_t size) {
    if (request.upload) return !memcmp(bytes, request.counted + c->reader.at, size);
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 'x') return false;
    return true;
}

/* Takes what the server says. */
void http_feed(struct connection *c, const uint8_t *bytes, size_t size) {
    while (size && c->state == OPEN) {
        if (c->seen == c->sent) {
            world.errors.duplicated++;
            drop(c);
            return;
        }
        if (!c->reader.in_payload) {
            size_t used = head_bytes(c, bytes, size);
            if (!used) return;
            bytes += used;
            size -= used;
        }
        if (!c->reader.in_payload) continue;
        size_t left = c->reader.size - c->reader.at, take = size < left ? size : left;
        world.errors.corrupted += !body_holds(c, bytes, take);
        c->reader.at += take;
        bytes += take;
        size -= take;
        if (c->reader.at < c->reader.size) return;
        c->reader = (struct reader){0};
        c->seen++;
        world.received++;
        latency_add(world.now - c->since, 1);
        if (!world.stopping) ask(c);
    }
}

static void opened(struct connection *c) {
    (void)c;
    world.opened++;
}

static void ended(struct connection *c) {
    (void)c;
    world.errors.closed += !world.stopping;
}

static uint64_t outstanding(void) {
    uint64_t total = 0;
    for (int i = 0; i < world.options.connections; i++)
        if (world.connections[i].state == OPEN) total += world.connections[i].sent - world.connections[i].seen;
    return total;
}

const struct mode http_mode = {"http", opened, NULL, NULL, ended, NULL, outstanding};
