/* Messages that must be looked into: compressed ones, and publications of a hub in their envelope.
 *
 * The first subscriber's copy of a message is examined; later copies only have to be the same bytes.  A copy that
 * differs is examined on its own and counted as `distinct`: many of them mean that the server did its work once per
 * subscriber. */
#include <stdlib.h>
#include <string.h>
#include "load.h"

static struct { uint64_t seq; size_t size; uint8_t *bytes; bool valid; } known[RING];

static void remember(uint64_t seq, const uint8_t *payload, size_t size) {
    uint64_t slot = seq % RING;
    known[slot].bytes = realloc(known[slot].bytes, size + 1);
    if (!known[slot].bytes) fail("realloc");
    memcpy(known[slot].bytes, payload, size);
    known[slot].size = size;
    known[slot].seq = seq;
    known[slot].valid = true;
}

/* Whether the payload is the copy that is known of the message that `c` expects next. */
static bool is_known(const struct connection *c, const uint8_t *payload, size_t size) {
    uint64_t slot = c->seen % RING;
    bool have = known[slot].valid && known[slot].seq == c->seen;
    return have && known[slot].size == size && !memcmp(known[slot].bytes, payload, size);
}

/* Sets reader.seq and reader.wrong for one whole payload. */
void check_copy(struct connection *c, const uint8_t *payload, size_t size) {
    c->reader.seq = c->seen;
    if (enveloped() && c->reader.opcode != world.language->opcode) c->reader.wrong = true;
    if (c->reader.wrong || is_known(c, payload, size)) return;
    world.examined++;
    bool good;
    if (world.mode == &call_mode) good = world.language->answers(c, payload, size);
    else if (enveloped()) good = world.language->holds(c, payload, size);
    else good = inflates_to(c, payload, size);
    uint64_t seq = c->reader.seq, slot = seq % RING;
    if (!good) c->reader.wrong = true;
    else if (world.mode == &idle_mode || world.mode == &echo_mode || world.mode == &call_mode) return;   /* every message is another there */
    else if (known[slot].valid && known[slot].seq == seq) world.distinct++;
    else remember(seq, payload, size);
}
