/* Socket.IO 5 on Engine.IO 4, over WebSocket alone: what its official clients say there.
 *
 * Every connection is a subscriber as soon as its namespace is connected: the server puts it into the room. */
#include <stdio.h>
#include <string.h>
#include "load.h"

static void say_text(struct connection *c, const char *text) { say(c, (const uint8_t *)text, strlen(text)); }

static size_t publish(uint8_t *text, uint32_t id, uint64_t seq) {
    static const char head[] = "42[\"publish\",\"";
    memcpy(text, head, sizeof head - 1);
    payload_copy(text + sizeof head - 1, id, seq, 0);
    size_t size = sizeof head - 1 + world.options.size;
    memcpy(text + size, "\"]", 2);
    return size + 2;
}

static bool holds(struct connection *c, const uint8_t *payload, size_t size) {
    static const char mark[] = "42[\"publication\",\"";
    size_t marked = sizeof mark - 1;
    bool shaped = size == marked + world.options.size + 2 && !memcmp(payload, mark, marked) && !memcmp(payload + size - 2, "\"]", 2);
    return shaped && data_holds(c, payload + marked, size - marked);
}

/* An event that is to be acknowledged by its number. */
static size_t call(uint8_t *text, uint32_t id, uint64_t seq) {
    size_t at = (size_t)sprintf((char *)text, "42%llu[\"echo\",\"", (unsigned long long)seq);
    payload_copy(text + at, id, seq, 0);
    at += world.options.size;
    memcpy(text + at, "\"]", 2);
    return at + 2;
}

/* The message says which it is, and the acknowledgement's number has to be the same. */
static bool answers(struct connection *c, const uint8_t *payload, size_t size) {
    char head[32];
    size_t tail = world.options.size + 2;
    if (size < tail || !data_holds(c, payload + size - tail, tail)) return false;
    size_t marked = (size_t)sprintf(head, "43%llu[\"", (unsigned long long)c->reader.seq);
    return size == marked + tail && !memcmp(payload, head, marked) && !memcmp(payload + size - 2, "\"]", 2);
}

static bool event(struct connection *c, const uint8_t *payload, size_t size) {
    char awaited = world.mode == &call_mode ? '3' : '2';
    if (size > 2 && payload[0] == '4' && payload[1] == awaited) return false;
    if (size && payload[0] == '0') say_text(c, "40");
    else if (size > 1 && payload[0] == '4' && payload[1] == '0') entered(c);
    else if (size == 1 && payload[0] == '2') say_text(c, "3");
    else unexpected_event(payload, size);
    return true;
}

const struct language socketio_language = {"socketio", NULL, TEXT, NULL, publish, holds, event, call, answers};
