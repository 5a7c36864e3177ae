/* everywire's native dialect as JSON (docs/protocol.md): the language of a hub's clients unless another is asked for. */
#include <stdio.h>
#include <string.h>
#include "load.h"

#define BATCH 100               /* subscriptions asked for in one message, and answered before the next are */

static void say_text(struct connection *c, const char *text) { say(c, (const uint8_t *)text, strlen(text)); }

static size_t publish(uint8_t *text, uint32_t id, uint64_t seq) {
    int head = sprintf((char *)text, "{\"type\":\"publish\",\"id\":%llu,\"channel\":\"bench\",\"data\":\"",
                       (unsigned long long)seq + 10);
    payload_copy(text + head, id, seq, 0);
    size_t size = (size_t)head + world.options.size;
    memcpy(text + size, "\"}", 2);
    return size + 2;
}

static bool holds(struct connection *c, const uint8_t *payload, size_t size) {
    static const char mark[] = "\"data\":\"";
    const uint8_t *data = memmem(payload, size, mark, sizeof mark - 1);
    if (!data) return false;
    data += sizeof mark - 1;
    size_t left = size - (size_t)(data - payload);
    return left > world.options.size && data[world.options.size] == '"' && data_holds(c, data, left);
}

/* Asks for the next of the channels that are nobody else's, or for the one that all listen to. */
static void subscribe_on(struct connection *c) {
    static char text[BATCH * 96];
    char channel[64];
    uint32_t wanted = (uint32_t)world.options.channels, at = c->subscribed;
    if (at % BATCH && at < wanted) return;
    if (at >= wanted) {
        channel_of(c, channel, sizeof channel);
        sprintf(text, "{\"type\":\"subscribe\",\"id\":2,\"channel\":\"%s\"}", channel);
        say_text(c, text);
        return;
    }
    int size = sprintf(text, "[");
    for (uint32_t end = at + BATCH < wanted ? at + BATCH : wanted; at < end; at++)
        size += sprintf(text + size, "%s{\"type\":\"subscribe\",\"id\":%u,\"channel\":\"own-%ld-%u\"}", size > 1 ? "," : "",
                        at + 10, (long)(c - world.connections), at);
    size += sprintf(text + size, "]");
    static uint8_t frame[sizeof text + 16];
    transmit(c, frame, frame_around(frame, TEXT, (const uint8_t *)text, (size_t)size));
}

static void subscribed(struct connection *c) {
    if (c->subscribed++ == (uint32_t)world.options.channels) world.opened++;
    else subscribe_on(c);
}

static bool is_membership(const uint8_t *payload, size_t size) {
    return has(payload, size, "\"type\":\"join\"") || has(payload, size, "\"type\":\"leave\"");
}

static bool event(struct connection *c, const uint8_t *payload, size_t size) {
    if (has(payload, size, "\"type\":\"publication\"")) return false;
    if (has(payload, size, "\"type\":\"connected\"")) {
        if (is_publisher(c)) world.opened++;
        else subscribe_on(c);
    } else if (has(payload, size, "\"type\":\"subscribed\"")) {
        subscribed(c);
    } else if (has(payload, size, "\"type\":\"ping\"")) {
        say_text(c, "{\"type\":\"pong\"}");
    } else if (!has(payload, size, "\"type\":\"published\"") && !is_membership(payload, size)) {
        unexpected_event(payload, size);
    }
    return true;
}

static void opened(struct connection *c) { say_text(c, "{\"type\":\"connect\",\"id\":1}"); }

const struct language native_language = {"json", "everywire.v1.json", TEXT, opened, publish, holds, event, NULL, NULL};
