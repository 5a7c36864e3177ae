/* permessage-deflate, as far as a load generator needs it (RFC 7692, no context takeover in either direction). */
#include <errno.h>
#include <stdlib.h>
#include "load.h"
#ifdef HAVE_ZLIB
#include <zlib.h>

#define COPY_LIMIT (256 * 1024)

static uint8_t *plain_buffer(void) {
    static uint8_t *plain;
    if (!plain) plain = malloc(COPY_LIMIT);
    if (!plain) fail("malloc");
    return plain;
}

static z_stream *fresh_inflater(void) {
    static z_stream stream;
    static bool ready;
    if (!ready && inflateInit2(&stream, -15) != Z_OK) fail("inflateInit2");
    if (ready) inflateReset(&stream);
    ready = true;
    return &stream;
}

static bool inflate_part(z_stream *stream, const uint8_t *from, size_t size) {
    stream->next_in = (uint8_t *)from;
    stream->avail_in = (uInt)size;
    int result = inflate(stream, Z_SYNC_FLUSH);
    return result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END;
}

/* Whether a compressed payload is a message of `c`; sets reader.seq to which. */
bool inflates_to(struct connection *c, const uint8_t *payload, size_t size) {
    static const uint8_t tail[4] = {0, 0, 0xff, 0xff};           /* RFC 7692 7.2.2 */
    uint8_t *plain = plain_buffer();
    z_stream *stream = fresh_inflater();
    stream->next_out = plain;
    stream->avail_out = COPY_LIMIT;
    if (!inflate_part(stream, payload, size) || !inflate_part(stream, tail, sizeof tail)) return false;
    if (COPY_LIMIT - stream->avail_out != world.options.size) return false;
    if (!payload_claims(plain, &c->reader.seq)) return false;
    return payload_same(c->id, c->reader.seq, 0, plain, world.options.size);
}

/* The client's own compressed message; returns its size, without the empty block that RFC 7692 7.2.1 takes off. */
size_t deflate_payload(uint8_t *to, uint32_t id, uint64_t seq) {
    z_stream stream = {0};
    uint8_t *plain = plain_buffer();
    if (deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("deflateInit2");
    payload_copy(plain, id, seq, 0);
    stream.next_in = plain; stream.avail_in = (uInt)world.options.size;
    stream.next_out = to; stream.avail_out = COPY_LIMIT;
    deflate(&stream, Z_SYNC_FLUSH);
    size_t size = COPY_LIMIT - stream.avail_out - 4;
    deflateEnd(&stream);
    return size;
}

#else  /* built without zlib's headers: --deflate ends the program at the first message */

bool inflates_to(struct connection *c, const uint8_t *payload, size_t size) {
    (void)c; (void)payload; (void)size;
    errno = ENOSYS;
    fail("built without permessage-deflate (zlib1g-dev is missing)");
}

size_t deflate_payload(uint8_t *to, uint32_t id, uint64_t seq) {
    (void)to; (void)id; (void)seq;
    inflates_to(NULL, NULL, 0);
    return 0;
}

#endif
