/* SignalR's hub protocol, as JSON and as MessagePack, on a WebSocket without a negotiation before it.
 *
 * Every connection is a subscriber as soon as the handshake is answered: the server puts it into the group. */
#include <stdio.h>
#include <string.h>
#include "load.h"

#define END '\x1e'

/* The handshake is JSON in a text frame, whatever is spoken after it. */
static void shake(struct connection *c, const char *protocol) {
    uint8_t frame[128];
    char text[64];
    int size = snprintf(text, sizeof text, "{\"protocol\":\"%s\",\"version\":1}%c", protocol, END);
    transmit(c, frame, frame_around(frame, TEXT, (const uint8_t *)text, (size_t)size));
}

static bool is_agreed(const uint8_t *payload, size_t size) { return size == 3 && !memcmp(payload, "{}\x1e", 3); }

/* True: taken care of.  A ping is answered by one: else a subscriber would say nothing for as long as it listens. */
static bool told(struct connection *c, const uint8_t *payload, size_t size, const char *ping, size_t ping_size) {
    if (is_agreed(payload, size)) entered(c);
    else if (size == ping_size && !memcmp(payload, ping, size)) say(c, payload, size);
    else unexpected_event(payload, size);
    return true;
}

/* JSON */

static void json_opened(struct connection *c) { shake(c, "json"); }

static size_t json_publish(uint8_t *text, uint32_t id, uint64_t seq) {
    static const char head[] = "{\"type\":1,\"target\":\"publish\",\"arguments\":[\"", tail[] = "\"]}\x1e";
    memcpy(text, head, sizeof head - 1);
    payload_copy(text + sizeof head - 1, id, seq, 0);
    size_t size = sizeof head - 1 + world.options.size;
    memcpy(text + size, tail, sizeof tail - 1);
    return size + sizeof tail - 1;
}

static const char json_mark[] = "{\"type\":1,\"target\":\"publication\",\"arguments\":[\"";

static bool json_holds(struct connection *c, const uint8_t *payload, size_t size) {
    static const char tail[] = "\"]}\x1e";
    size_t marked = sizeof json_mark - 1, ended = sizeof tail - 1;
    bool shaped = size == marked + world.options.size + ended && !memcmp(payload, json_mark, marked) &&
                  !memcmp(payload + size - ended, tail, ended);
    return shaped && data_holds(c, payload + marked, size - marked);
}

static bool json_event(struct connection *c, const uint8_t *payload, size_t size) {
    static const char ping[] = "{\"type\":6}\x1e";
    if (size > 9 && !memcmp(payload, json_mark, 9) && payload[9] == ',') return false;
    return told(c, payload, size, ping, sizeof ping - 1);
}

const struct language signalr_language = {"signalr", NULL, TEXT, json_opened, json_publish, json_holds, json_event, NULL, NULL};

/* MessagePack */

static void msgpack_opened(struct connection *c) { shake(c, "messagepack"); }

/* The size of a message in front of it: seven bits to a byte, the lowest first. */
static size_t write_length(uint8_t *to, size_t size) {
    size_t at = 0;
    for (; size > 127; size >>= 7) to[at++] = (uint8_t)(0x80 | (size & 0x7f));
    to[at++] = (uint8_t)size;
    return at;
}

/* An invocation of `target` by nobody who waits for an answer, up to its argument's text; returns its size. */
static size_t write_invocation(uint8_t *to, const char *target, int fields) {
    const uint8_t head[] = {(uint8_t)(0x90 | fields), 1, 0x80, 0xc0};       /* type, no headers, no id */
    size_t at = sizeof head;
    memcpy(to, head, at);
    at += msgpack_text(to + at, target);
    to[at++] = 0x91;
    return at + msgpack_size(to + at);
}

static size_t msgpack_publish(uint8_t *text, uint32_t id, uint64_t seq) {
    uint8_t head[64];
    size_t size = write_invocation(head, "publish", 5), at = write_length(text, size + world.options.size);
    memcpy(text + at, head, size);
    payload_copy(text + at + size, id, seq, 0);
    return at + size + world.options.size;
}

/* The ids of streams, of which there are none, may be left out or be an empty array. */
static bool msgpack_holds(struct connection *c, const uint8_t *payload, size_t size) {
    for (int fields = 5; fields < 7; fields++) {
        uint8_t head[64], whole[72];
        size_t marked = write_invocation(head, "publication", fields), ended = (size_t)fields - 5;
        size_t at = write_length(whole, marked + world.options.size + ended);
        memcpy(whole + at, head, marked);
        marked += at;
        if (size != marked + world.options.size + ended || memcmp(payload, whole, marked)) continue;
        return (!ended || payload[size - 1] == 0x90) && data_holds(c, payload + marked, size - marked);
    }
    return false;
}

static bool msgpack_event(struct connection *c, const uint8_t *payload, size_t size) {
    size_t at = 0;
    while (at < size && at < 4 && payload[at] & 0x80) at++;                    /* the length's last byte */
    if (size > at + 2 && (payload[at + 1] & 0xf0) == 0x90 && payload[at + 2] == 1) return false;
    return told(c, payload, size, "\x02\x91\x06", 3);
}

const struct language signalr_msgpack_language = {"signalr-msgpack", NULL, BINARY, msgpack_opened, msgpack_publish, msgpack_holds,
                                                  msgpack_event, NULL, NULL};
