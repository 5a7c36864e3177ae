/* SockJS on its framed WebSocket: arrays of strings there, `a` and an array back.
 *
 * A string is the message itself, so that a published one and one that is to come back are told apart by the path alone; and every
 * connection is a subscriber as soon as the server has opened it. */
#include <string.h>
#include "load.h"

static size_t send_text(uint8_t *text, uint32_t id, uint64_t seq) {
    memcpy(text, "[\"", 2);
    payload_copy(text + 2, id, seq, 0);
    memcpy(text + 2 + world.options.size, "\"]", 2);
    return world.options.size + 4;
}

static bool holds(struct connection *c, const uint8_t *payload, size_t size) {
    bool shaped = size == world.options.size + 5 && !memcmp(payload, "a[\"", 3) && !memcmp(payload + size - 2, "\"]", 2);
    return shaped && data_holds(c, payload + 3, size - 3);
}

static bool event(struct connection *c, const uint8_t *payload, size_t size) {
    if (size > 1 && payload[0] == 'a') return false;
    if (size == 1 && payload[0] == 'o') entered(c);
    else if (size != 1 || payload[0] != 'h') unexpected_event(payload, size);
    return true;
}

const struct language sockjs_language = {"sockjs", NULL, TEXT, NULL, send_text, holds, event, send_text, holds};
