/* The hub: clients that speak one of several wire languages.
 *
 * `hub` is as a fan, but each message is published to a channel and comes back in an envelope of the language.  `call` is as an echo, but
 * each message is the argument of a call, and has to come back in the answer to this very call.  The payload pool has no character that
 * JSON would escape. */
#include <stdio.h>
#include <string.h>
#include "load.h"

bool is_publisher(const struct connection *c) { return c == world.connections; }

/* The channel that subscriber `c` listens to: all to one, or each to one of the rooms. */
int channel_of(const struct connection *c, char *to, size_t size) {
    long place = c - world.connections;
    if (world.options.rooms < 2 || is_publisher(c)) return snprintf(to, size, "bench");
    return snprintf(to, size, "bench-%ld", place % world.options.rooms);
}

void say(struct connection *c, const uint8_t *payload, size_t size) {
    uint8_t frame[1024];
    transmit(c, frame, frame_around(frame, world.language->opcode, payload, size));
}

/* The command that publishes message `seq`, or the call that has it as its argument; returns the frame's size. */
size_t enveloped_write(uint8_t *to, uint32_t id, uint64_t seq) {
    static uint8_t text[READ_SIZE];
    bool calling = world.mode == &call_mode;
    size_t size = (calling ? world.language->call : world.language->publish)(text, id, seq);
    return frame_around(to, world.language->opcode, text, size);
}

bool has(const uint8_t *payload, size_t size, const char *words) {
    return memmem(payload, size < 64 ? size : 64, words, strlen(words)) != NULL;
}

/* Whether the message's data is at `data`, `left` bytes before the end of its envelope; sets reader.seq to which. */
bool data_holds(struct connection *c, const uint8_t *data, size_t left) {
    if (left < world.options.size) return false;
    return payload_claims(data, &c->reader.seq) && payload_same(c->id, c->reader.seq, 0, data, world.options.size);
}

void unexpected_event(const uint8_t *payload, size_t size) {
    fprintf(stderr, "load: the hub said %.*s\n", (int)(size < 300 ? size : 300), (const char *)payload);
    world.errors.protocol++;
}

/* The server has let `c` in.  One that is held is only open once a call of its was answered: then it is a session that has been used. */
void entered(struct connection *c) {
    if (world.mode == &call_mode && world.options.hold) send_burst(c, 1);
    else world.opened++;
}

static void hub_opened(struct connection *c) { if (world.language->opened) world.language->opened(c); }
static void hub_closing(struct connection *c) { fan_mode.closing(c); }
static void hub_message(struct connection *c, uint64_t seq) { fan_mode.message(c, seq); }
static void hub_ended(struct connection *c) { fan_mode.ended(c); }
static void hub_turn(void) { fan_mode.turn(); }
static uint64_t hub_outstanding(void) { return fan_mode.outstanding(); }

const struct mode hub_mode = {"hub", hub_opened, hub_message, hub_closing, hub_ended, hub_turn, hub_outstanding};

static void call_message(struct connection *c, uint64_t seq) {
    if (world.options.hold) world.opened++;
    else echo_mode.message(c, seq);
}
static void call_closing(struct connection *c) { echo_mode.closing(c); }
static void call_ended(struct connection *c) { echo_mode.ended(c); }
static uint64_t call_outstanding(void) { return echo_mode.outstanding(); }

const struct mode call_mode = {"call", hub_opened, call_message, call_closing, call_ended, NULL, call_outstanding};
