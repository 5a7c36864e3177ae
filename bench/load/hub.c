/* The hub: a publisher and subscribers that speak everywire's native dialect (docs/protocol.md).
 *
 * As a fan, but each message is published to a channel and comes back as a publication with its offset; the message is
 * the string `data`.  The payload pool has no character that JSON would escape. */
#include <stdio.h>
#include <string.h>
#include "load.h"

#define CHANNEL "bench"

static bool is_publisher(const struct connection *c) { return c == world.connections; }

static void say(struct connection *c, const char *text) {
    uint8_t frame[512];
    transmit(c, frame, frame_around(frame, (const uint8_t *)text, strlen(text)));
}

/* The command that publishes message `seq`; returns the frame's size. */
size_t publish_write(uint8_t *to, uint32_t id, uint64_t seq) {
    static uint8_t text[READ_SIZE];
    int head = snprintf((char *)text, sizeof text, "{\"type\":\"publish\",\"id\":%llu,\"channel\":\"" CHANNEL "\",\"data\":\"",
                        (unsigned long long)seq + 10);
    payload_copy(text + head, id, seq, 0);
    size_t size = (size_t)head + world.options.size;
    memcpy(text + size, "\"}", 2);
    return frame_around(to, text, size + 2);
}

/* Whether a publication carries a message; sets reader.seq to which. */
bool envelope_holds(struct connection *c, const uint8_t *payload, size_t size) {
    static const char mark[] = "\"data\":\"";
    const uint8_t *data = memmem(payload, size, mark, sizeof mark - 1);
    if (!data) return false;
    data += sizeof mark - 1;
    size_t left = size - (size_t)(data - payload);
    if (left < world.options.size + 2 || data[world.options.size] != '"') return false;
    return payload_claims(data, &c->reader.seq) && payload_same(c->id, c->reader.seq, 0, data, world.options.size);
}

static bool has(const uint8_t *payload, size_t size, const char *words) {
    return memmem(payload, size < 64 ? size : 64, words, strlen(words)) != NULL;
}

/* Answers and other events; true: it was one, false: it is a publication, to be checked. */
bool hub_event(struct connection *c, const uint8_t *payload, size_t size) {
    if (has(payload, size, "\"type\":\"publication\"")) return false;
    if (has(payload, size, "\"type\":\"connected\"")) {
        if (is_publisher(c)) world.opened++;
        else say(c, "{\"type\":\"subscribe\",\"id\":2,\"channel\":\"" CHANNEL "\"}");
    } else if (has(payload, size, "\"type\":\"subscribed\"")) {
        world.opened++;
    } else if (has(payload, size, "\"type\":\"ping\"")) {
        say(c, "{\"type\":\"pong\"}");
    } else if (!has(payload, size, "\"type\":\"published\"")) {
        fprintf(stderr, "load: the hub said %.*s\n", (int)(size < 300 ? size : 300), (const char *)payload);
        world.errors.protocol++;
    }
    return true;
}

static void hub_opened(struct connection *c) { say(c, "{\"type\":\"connect\",\"id\":1}"); }

static void hub_closing(struct connection *c) { fan_mode.closing(c); }
static void hub_message(struct connection *c, uint64_t seq) { fan_mode.message(c, seq); }
static void hub_ended(struct connection *c) { fan_mode.ended(c); }
static void hub_turn(void) { fan_mode.turn(); }
static uint64_t hub_outstanding(void) { return fan_mode.outstanding(); }

const struct mode hub_mode = {"hub", hub_opened, hub_message, hub_closing, hub_ended, hub_turn, hub_outstanding};
