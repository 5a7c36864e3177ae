/* Frames: the masked ones we send, and the stream of unmasked ones that comes back. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

static uint32_t next_key(void) {
    static uint32_t state = 88172645u;
    state ^= state << 13; state ^= state >> 17; state ^= state << 5;
    return state;
}

/* A client's frame header with its key; returns its size (6, 8 or 14). */
static size_t write_header(uint8_t *to, uint8_t first, size_t size, uint32_t key) {
    size_t at = 2;
    to[0] = first;
    if (size < 126) {
        to[1] = 0x80 | (uint8_t)size;
    } else if (size < 65536) {
        to[1] = 0x80 | 126;
        to[2] = (uint8_t)(size >> 8); to[3] = (uint8_t)size;
        at = 4;
    } else {
        uint64_t big = htobe64(size);
        to[1] = 0x80 | 127;
        memcpy(to + 2, &big, 8);
        at = 10;
    }
    memcpy(to + at, &key, 4);
    return at + 4;
}

static uint8_t first_byte(void) { return 0x80 | (world.options.binary ? BINARY : TEXT); }

/* Whether messages come in an envelope of the hub's language. */
bool enveloped(void) { return world.mode == &hub_mode || world.mode == &call_mode || world.mode == &storm_mode; }

size_t frame_write(uint8_t *to, uint32_t id, uint64_t seq) {
    if (enveloped()) return enveloped_write(to, id, seq);
    uint32_t key = next_key();
    size_t head = write_header(to, first_byte(), world.options.size, key);
    payload_copy(to + head, id, seq, key);
    return head + world.options.size;
}

/* One frame around bytes that are not a numbered message. */
size_t frame_around(uint8_t *to, int opcode, const uint8_t *payload, size_t size) {
    uint32_t key = next_key();
    size_t head = write_header(to, 0x80 | (uint8_t)opcode, size, key);
    for (size_t i = 0; i < size; i++) to[head + i] = payload[i] ^ to[head - 4 + i % 4];
    return head + size;
}

size_t frame_write_deflated(uint8_t *to, uint32_t id, uint64_t seq) {
    uint32_t key = next_key();
    size_t size = deflate_payload(to + 14, id, seq);
    uint8_t header[14];
    size_t head = write_header(header, first_byte() | 0x40, size, key);
    const uint8_t *mask = header + head - 4;
    for (size_t i = 0; i < size; i++) to[14 + i] ^= mask[i % 4];
    memmove(to + head, to + 14, size);
    memcpy(to, header, head);
    return head + size;
}

void send_control(struct connection *c, int opcode, const uint8_t *payload, size_t size) {
    uint8_t frame[14 + 125];
    uint32_t key = next_key();
    size_t head = write_header(frame, 0x80 | (uint8_t)opcode, size, key);
    for (size_t i = 0; i < size; i++) frame[head + i] = payload[i] ^ frame[head - 4 + i % 4];
    transmit(c, frame, head + size);
}

/* Header bytes still wanted before the payload starts, judged by those that are there. */
static size_t header_size(const struct reader *r) {
    if (r->have < 2) return 2;
    uint8_t length = r->head[1] & 0x7f;
    return length < 126 ? 2 : length == 126 ? 4 : 10;
}

static bool begin_payload(struct reader *r) {
    uint8_t length = r->head[1] & 0x7f;
    uint64_t big;
    memcpy(&big, r->head + 2, 8);
    r->size = length < 126 ? length : length == 126 ? (uint64_t)(r->head[2] << 8 | r->head[3]) : be64toh(big);
    r->opcode = r->head[0] & 15;
    r->rsv1 = r->head[0] & 0x40;
    r->at = 0;
    r->wrong = false;
    r->in_payload = true;
    bool whole = (r->head[0] & 0x80) && r->opcode;           /* no server here has reason to fragment */
    bool clean = !(r->head[0] & 0x30) && !(r->head[1] & 0x80);
    size_t messages = world.mode == &storm_mode ? (size_t)world.options.window : 1;
    bool small = r->size <= (world.options.size + 256) * messages + 4096;
    return whole && clean && small && (!r->rsv1 || (world.options.deflate && r->opcode < CLOSE));
}

/* Compares one piece of an uncompressed data payload with what must be there. */
static void check_piece(struct connection *c, const uint8_t *piece, size_t size) {
    struct reader *r = &c->reader;
    if (r->at == 0) {
        r->seq = c->seen;
        if (size >= TAG_SIZE && r->size >= TAG_SIZE && !payload_claims(piece, &r->seq)) r->wrong = true;
        if (r->size != world.options.size || r->opcode != (world.options.binary ? BINARY : TEXT)) r->wrong = true;
    }
    if (!r->wrong && !payload_same(c->id, r->seq, r->at, piece, size)) r->wrong = true;
}

/* Control and compressed payloads are wanted whole: hands out a pointer to all of it once it is there. */
static const uint8_t *collect(struct reader *r, const uint8_t *piece, size_t size) {
    if (r->at == 0 && size == r->size) return piece;
    if (!r->collected && !(r->collected = malloc(r->size))) fail("malloc");
    memcpy(r->collected + r->at, piece, size);
    return r->at + size == r->size ? r->collected : NULL;
}

static void control_frame(struct connection *c, const uint8_t *payload) {
    if (c->reader.opcode == PING) send_control(c, PONG, payload, c->reader.size);
    else if (c->reader.opcode == CLOSE) world.mode->closing(c);
}

/* A data frame is over: says what its sequence number means, and tells the mode. */
static void data_frame(struct connection *c) {
    struct reader *r = &c->reader;
    uint64_t seq = r->seq;
    if (r->wrong) {
        world.errors.corrupted++;
        seq = c->seen;
    } else if (seq < c->seen) {
        world.errors.duplicated++;
        return;
    }
    if (seq > c->seen) world.errors.lost += seq - c->seen;
    c->seen = seq + 1;
    world.received++;
    world.mode->message(c, seq);
}

static bool hub_event(struct connection *c, const uint8_t *payload, size_t size) {
    return world.mode == &storm_mode ? storm_event(c, payload, size) : world.language->event(c, payload, size);
}

static void payload_piece(struct connection *c, const uint8_t *piece, size_t size) {
    struct reader *r = &c->reader;
    bool wanted_whole = r->opcode >= CLOSE || r->rsv1 || enveloped();
    const uint8_t *whole = wanted_whole ? collect(r, piece, size) : NULL;
    if (!wanted_whole) check_piece(c, piece, size);
    r->at += size;
    if (r->at < r->size) return;
    r->in_payload = false;
    r->have = 0;
    bool to_check = r->opcode < CLOSE && wanted_whole;
    if (to_check && enveloped() && hub_event(c, whole, r->size)) to_check = false;
    else if (to_check) check_copy(c, whole, r->size);
    if (r->opcode >= CLOSE) control_frame(c, whole);
    else if (to_check || !wanted_whole) data_frame(c);
    free(r->collected);
    r->collected = NULL;
}

/* Bytes from the server, however they were cut. */
void feed(struct connection *c, const uint8_t *bytes, size_t size) {
    struct reader *r = &c->reader;
    while (size && (c->state == OPEN || c->state == CLOSING)) {
        if (!r->in_payload) {
            r->head[r->have++] = *bytes++;
            size--;
            if (r->have < header_size(r)) continue;
            if (!begin_payload(r)) {
                world.errors.protocol++;
                drop(c);
                return;
            }
            if (r->size) continue;
        }
        size_t part = r->size - r->at < size ? r->size - r->at : size;
        payload_piece(c, bytes, part);
        bytes += part;
        size -= part;
    }
}
