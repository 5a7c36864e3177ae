/* What messages contain: a tag that names connection and sequence number, then a window into a fixed pool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

static uint8_t *pool;
static const char digits[] = "0123456789abcdef";
static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .";   /* JSON escapes none */

static uint32_t random_step(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13; state ^= state >> 17; state ^= state << 5;
    return state;
}

/* Text that compresses like the JSON of a real application (about 4:1 at 1 KiB). */
static void fill_json(uint8_t *to, size_t size) {
    char line[160];
    for (size_t at = 0; at < size;) {
        uint32_t r = random_step();
        int n = snprintf(line, sizeof line, "{\"id\":%u,\"user\":\"user-%u\",\"score\":%u.%02u,\"online\":%s},",
                         r, r % 997, r % 5000, r % 89, r & 4 ? "true" : "false");
        size_t part = (size_t)n < size - at ? (size_t)n : size - at;
        memcpy(to + at, line, part);
        at += part;
    }
}

void payload_setup(void) {
    size_t size = world.options.size + POOL_SPREAD;
    pool = malloc(size);
    if (!pool) fail("malloc");
    if (world.options.deflate) {
        fill_json(pool, size);
        return;
    }
    for (size_t i = 0; i < size; i++)
        pool[i] = world.options.binary ? (uint8_t)random_step() : (uint8_t)letters[random_step() % 64];
}

static const uint8_t *window_of(uint32_t id, uint64_t seq) { return pool + (id * 31u + seq * 7u) % POOL_SPREAD; }

static void make_tag(uint8_t tag[TAG_SIZE], uint32_t id, uint64_t seq) {
    uint64_t value = (uint64_t)id << 40 | (seq & 0xffffffffffu);
    for (int i = TAG_SIZE - 1; i >= 0; i--, value >>= 4) tag[i] = (uint8_t)digits[value & 15];
}

static void copy_masked(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
    uint64_t wide = (uint64_t)key << 32 | key, word;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, from + at, 8);
        word ^= wide;
        memcpy(to + at, &word, 8);
    }
    for (; at < size; at++) to[at] = from[at] ^ (uint8_t)(wide >> (at % 8 * 8));
}

/* The payload of message `seq`, masked by `key` (0: plain), to `to` (options.size bytes). */
void payload_copy(uint8_t *to, uint32_t id, uint64_t seq, uint32_t key) {
    uint8_t tag[TAG_SIZE];
    size_t size = world.options.size, head = size < TAG_SIZE ? size : TAG_SIZE;
    make_tag(tag, id, seq);
    copy_masked(to, tag + TAG_SIZE - head, head, key);      /* short payloads keep the low digits */
    copy_masked(to + head, window_of(id, seq), size - head, key);
}

bool payload_same(uint32_t id, uint64_t seq, size_t offset, const uint8_t *piece, size_t size) {
    uint8_t tag[TAG_SIZE];
    size_t head = world.options.size < TAG_SIZE ? world.options.size : TAG_SIZE;
    if (offset < head) {
        size_t part = head - offset < size ? head - offset : size;
        make_tag(tag, id, seq);
        if (memcmp(piece, tag + TAG_SIZE - head + offset, part)) return false;
        offset += part; piece += part; size -= part;
    }
    return !size || !memcmp(piece, window_of(id, seq) + (offset - head), size);
}

/* Which sequence number a payload says it has; false when its first bytes are no tag. */
bool payload_claims(const uint8_t *piece, uint64_t *seq) {
    uint64_t value = 0;
    for (int i = 0; i < TAG_SIZE; i++) {
        const char *digit = memchr(digits, piece[i], 16);
        if (!digit) return false;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *seq = value & 0xffffffffffu;
    return true;
}
