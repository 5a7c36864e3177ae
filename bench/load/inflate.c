/* permessage-deflate, as far as a load generator needs it (RFC 7692, no context takeover in either direction).
 *
 * The first subscriber's copy of a message is inflated and verified; later copies only have to be the same bytes.
 * A copy that differs is inflated and verified on its own and counted as `distinct`. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "load.h"

#define COPY_LIMIT (256 * 1024)

static struct { uint64_t seq; size_t size; uint8_t *bytes; bool valid; } known[RING];
static uint8_t *plain;

static uint8_t *plain_buffer(void) {
    if (!plain) plain = malloc(COPY_LIMIT);
    if (!plain) fail("malloc");
    return plain;
}

static bool inflates_to(struct connection *c, const uint8_t *payload, size_t size) {
    static z_stream stream;
    static bool ready;
    static const uint8_t tail[4] = {0, 0, 0xff, 0xff};
    if (!ready && inflateInit2(&stream, -15) != Z_OK) fail("inflateInit2");
    if (ready) inflateReset(&stream);
    ready = true;
    stream.next_out = plain_buffer();
    stream.avail_out = COPY_LIMIT;
    stream.next_in = (uint8_t *)payload; stream.avail_in = (uInt)size;
    int first = inflate(&stream, Z_SYNC_FLUSH);
    stream.next_in = (uint8_t *)tail; stream.avail_in = 4;
    int second = inflate(&stream, Z_SYNC_FLUSH);
    if ((first != Z_OK && first != Z_BUF_ERROR && first != Z_STREAM_END) || (second < 0 && second != Z_BUF_ERROR)) return false;
    size_t inflated = COPY_LIMIT - stream.avail_out;
    world.inflated++;
    struct reader *r = &c->reader;
    if (inflated != world.options.size) return false;
    if (!payload_claims(plain, &r->seq)) r->seq = c->seen;
    return payload_same(c->id, r->seq, 0, plain, inflated);
}

static void remember(uint64_t seq, const uint8_t *payload, size_t size) {
    uint64_t slot = seq % RING;
    known[slot].bytes = realloc(known[slot].bytes, size + 1);
    if (!known[slot].bytes) fail("realloc");
    memcpy(known[slot].bytes, payload, size);
    known[slot].size = size;
    known[slot].seq = seq;
    known[slot].valid = true;
}

/* Sets reader.seq and reader.wrong for one whole compressed payload. */
void check_deflated(struct connection *c, const uint8_t *payload, size_t size) {
    uint64_t slot = c->seen % RING;
    bool have = known[slot].valid && known[slot].seq == c->seen;
    c->reader.seq = c->seen;
    if (have && known[slot].size == size && !memcmp(known[slot].bytes, payload, size)) return;
    if (!inflates_to(c, payload, size)) {
        c->reader.wrong = true;
        return;
    }
    if (have) world.distinct++;
    else if (!strcmp(world.mode->name, "fan")) remember(c->reader.seq, payload, size);
}

/* The client's own compressed message; returns its size, without the empty block that RFC 7692 7.2.1 takes off. */
size_t deflate_payload(uint8_t *to, uint32_t id, uint64_t seq) {
    z_stream stream = {0};
    if (deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("deflateInit2");
    payload_copy(plain_buffer(), id, seq, 0);
    stream.next_in = plain; stream.avail_in = (uInt)world.options.size;
    stream.next_out = to; stream.avail_out = COPY_LIMIT;
    deflate(&stream, Z_SYNC_FLUSH);
    size_t size = COPY_LIMIT - stream.avail_out - 4;
    deflateEnd(&stream);
    return size;
}
