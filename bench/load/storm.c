/* The storm: clients that come back all at once, each with the same position, and recover what they missed.
 *
 * The first connection subscribes, which tells the position; publishes `window` messages; and when it has heard the last of
 * them all others begin.  Measured from there until each was told every message, in order and byte for byte. */
#include <stdio.h>
#include <string.h>
#include "load.h"

static struct { char epoch[80]; uint64_t offset; bool published; int recovered; } storm;

static void say_text(struct connection *c, const char *text) { say(c, (const uint8_t *)text, strlen(text)); }

static bool read_position(const uint8_t *payload, size_t size) {
    char text[512];
    unsigned long long offset;
    snprintf(text, sizeof text, "%.*s", (int)(size < 500 ? size : 500), (const char *)payload);
    const char *epoch = strstr(text, "\"epoch\":\""), *at = strstr(text, "\"offset\":");
    if (!epoch || !at || sscanf(epoch, "\"epoch\":\"%79[^\"]", storm.epoch) != 1) return false;
    if (sscanf(at, "\"offset\":%llu", &offset) != 1) return false;
    storm.offset = offset;
    return true;
}

/* How many of the missed messages the answer has before something is wrong. */
static int count_missed(struct connection *c, const uint8_t *payload, size_t size) {
    static const char mark[] = "\"data\":\"";
    const uint8_t *end = payload + size;
    int count = 0;
    for (const uint8_t *at = payload; (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)); count++) {
        at += sizeof mark - 1;
        if (!data_holds(c, at, (size_t)(end - at)) || c->reader.seq != (uint64_t)count) return count;
        at += world.options.size;
    }
    return count;
}

static void publisher_subscribed(struct connection *c, const uint8_t *payload, size_t size) {
    if (!read_position(payload, size)) unexpected_event(payload, size);
    else send_burst(c, world.options.window);
}

static void subscriber_recovered(struct connection *c, const uint8_t *payload, size_t size) {
    int found = count_missed(c, payload, size), wanted = world.options.window;
    if (!memmem(payload, size, "\"recovered\":true", 16)) world.errors.lost++;
    else if (found < wanted) world.errors.corrupted++;
    else if (found > wanted) world.errors.duplicated++;
    storm.recovered++;
    world.received++;
    world.opened++;
    latency_add(world.now - c->since, 1);
}

static void subscribe(struct connection *c) {
    char text[256];
    int size = snprintf(text, sizeof text, "{\"type\":\"subscribe\",\"id\":2,\"channel\":\"bench\"");
    if (!is_publisher(c))
        size += snprintf(text + size, sizeof text - (size_t)size, ",\"since\":{\"epoch\":\"%s\",\"offset\":%llu}", storm.epoch,
                         (unsigned long long)storm.offset);
    snprintf(text + size, sizeof text - (size_t)size, "}");
    say_text(c, text);
}

/* Answers and other events: here everything is one. */
bool storm_event(struct connection *c, const uint8_t *payload, size_t size) {
    if (has(payload, size, "\"type\":\"connected\"")) {
        subscribe(c);
    } else if (has(payload, size, "\"type\":\"subscribed\"")) {
        if (is_publisher(c)) publisher_subscribed(c, payload, size);
        else subscriber_recovered(c, payload, size);
    } else if (has(payload, size, "\"type\":\"publication\"")) {
        if (is_publisher(c) && ++c->seen == c->sent) storm.published = true;
    } else if (has(payload, size, "\"type\":\"ping\"")) {
        say_text(c, "{\"type\":\"pong\"}");
    } else if (!has(payload, size, "\"type\":\"published\"")) {
        unexpected_event(payload, size);
    }
    return true;
}

/* Publishes what is going to be missed; true when the publisher has heard the last of it. */
bool storm_prepared(void) {
    uint64_t end = clock_ns() + 10 * 1000000000ull;
    begin(world.connections);
    while (!storm.published && clock_ns() < end && !world.errors.protocol) wait_events(clock_ns() + 100000000u);
    return storm.published;
}

static void opened(struct connection *c) { say_text(c, "{\"type\":\"connect\",\"id\":1}"); }
static void closing(struct connection *c) { fan_mode.closing(c); }
static void ended(struct connection *c) { fan_mode.ended(c); }
static void message(struct connection *c, uint64_t seq) { (void)c; (void)seq; }
static uint64_t outstanding(void) { return (uint64_t)(world.options.connections - 1 - storm.recovered); }

const struct mode storm_mode = {"storm", opened, message, closing, ended, NULL, outstanding};
