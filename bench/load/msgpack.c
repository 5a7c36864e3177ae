/* everywire's native dialect as MessagePack: the same messages as native.c says, as maps. */
#include <stdio.h>
#include <string.h>
#include "load.h"

/* A short string (below 32 bytes); returns its size. */
size_t msgpack_text(uint8_t *to, const char *text) {
    size_t size = strlen(text);
    to[0] = (uint8_t)(0xa0 | size);
    memcpy(to + 1, text, size);
    return size + 1;
}

static size_t write_head(uint8_t *to, const char *type, int fields, uint32_t id) {
    size_t at = 0;
    to[at++] = (uint8_t)(0x80 | fields);
    at += msgpack_text(to + at, "type");
    at += msgpack_text(to + at, type);
    at += msgpack_text(to + at, "id");
    to[at++] = 0xce;
    for (int shift = 24; shift >= 0; shift -= 8) to[at++] = (uint8_t)(id >> shift);
    return at;
}

static size_t write_channel(uint8_t *to, const char *channel) {
    size_t at = msgpack_text(to, "channel");
    return at + msgpack_text(to + at, channel);
}

/* The header of a string of options.size bytes; returns its size. */
size_t msgpack_size(uint8_t *to) {
    size_t size = world.options.size;
    if (size < 32) {
        to[0] = (uint8_t)(0xa0 | size);
        return 1;
    }
    if (size < 256) {
        to[0] = 0xd9;
        to[1] = (uint8_t)size;
        return 2;
    }
    to[0] = 0xda;
    to[1] = (uint8_t)(size >> 8);
    to[2] = (uint8_t)size;
    return 3;
}

static size_t publish(uint8_t *text, uint32_t id, uint64_t seq) {
    size_t at = write_head(text, "publish", 4, (uint32_t)seq + 10);
    at += write_channel(text + at, "bench");
    at += msgpack_text(text + at, "data");
    at += msgpack_size(text + at);
    payload_copy(text + at, id, seq, 0);
    return at + world.options.size;
}

static bool holds(struct connection *c, const uint8_t *payload, size_t size) {
    uint8_t mark[8] = "\xa4" "data";
    size_t marked = 5 + msgpack_size(mark + 5);
    const uint8_t *data = memmem(payload, size, mark, marked);
    return data && data_holds(c, data + marked, size - (size_t)(data + marked - payload));
}

static void subscribe(struct connection *c) {
    uint8_t command[128];
    char channel[32];
    channel_of(c, channel, sizeof channel);
    size_t size = write_head(command, "subscribe", 3, 2);
    say(c, command, size + write_channel(command + size, channel));
}

static bool event(struct connection *c, const uint8_t *payload, size_t size) {
    if (has(payload, size, "\xa4type\xabpublication")) return false;
    if (has(payload, size, "\xa4type\xa9" "connected")) {
        if (is_publisher(c)) world.opened++;
        else subscribe(c);
    } else if (has(payload, size, "\xa4type\xaasubscribed")) {
        world.opened++;
    } else if (has(payload, size, "\xa4type\xa4ping")) {
        static const uint8_t pong[] = "\x81\xa4type\xa4pong";
        say(c, pong, sizeof pong - 1);
    } else if (!has(payload, size, "\xa4type\xa9published")) {
        unexpected_event(payload, size);
    }
    return true;
}

static void opened(struct connection *c) {
    uint8_t command[64];
    say(c, command, write_head(command, "connect", 2, 1));
}

const struct language msgpack_language = {"msgpack", "everywire.v1.msgpack", BINARY, opened, publish, holds, event, NULL, NULL};
