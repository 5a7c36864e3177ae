/* The leaves of the codec that have a body of their own in the compiled build. */
#ifndef EVERYWIRE_FRAMES_H
#define EVERYWIRE_FRAMES_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Read the mask key's four bytes, first wire byte lowest. */
static inline uint32_t everywire_key(const unsigned char *data) {
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

/* Write the four mask bytes in `key` twice, beginning at mask byte `phase`; give them as one word. */
static inline uint64_t everywire_wide(unsigned char bytes[8], uint32_t key, int phase) {
    uint64_t wide;
    for (int k = 0; k < 8; k++) bytes[k] = (unsigned char)(key >> (8 * ((k + phase) & 3)));
    memcpy(&wide, bytes, 8);
    return wide;
}

/* XOR `size` bytes at `data` with the four mask bytes in `key` (wire order, first byte lowest), beginning at mask byte `phase`. RFC 6455 5.3 */
static inline void everywire_mask(unsigned char *data, Py_ssize_t size, uint32_t key, int phase) {
    unsigned char bytes[8];
    uint64_t wide = everywire_wide(bytes, key, phase), word;
    Py_ssize_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < size; i++) data[i] ^= bytes[i & 7];
}

/* Make one frame: first byte, length, mask key where `masked`, payload. RFC 6455 5.2 */
static inline PyObject *everywire_frame(int first, const char *payload, Py_ssize_t size, int masked, uint32_t key) {
    int head = size < 126 ? 2 : size < 65536 ? 4 : 10;
    PyObject *frame = PyBytes_FromStringAndSize(NULL, head + (masked ? 4 : 0) + size);
    unsigned char *out;
    if (frame == NULL) return NULL;
    out = (unsigned char *)PyBytes_AS_STRING(frame);
    out[0] = (unsigned char)first;
    if (head == 2) {
        out[1] = (unsigned char)size;
    } else if (head == 4) {
        out[1] = 126;
        out[2] = (unsigned char)(size >> 8);
        out[3] = (unsigned char)size;
    } else {
        out[1] = 127;
        for (int i = 0; i < 8; i++) out[2 + i] = (unsigned char)((uint64_t)size >> (56 - 8 * i));
    }
    out += head;
    if (masked) {
        out[1 - head] |= 0x80;
        for (int i = 0; i < 4; i++) out[i] = (unsigned char)(key >> (8 * i));
        out += 4;
    }
    if (size) memcpy(out, payload, size);
    if (masked) everywire_mask(out, size, key, 0);
    return frame;
}

/* Check text as it comes. `state` is 0 between characters, else what the next byte must be: count << 16 | highest << 8 | lowest. RFC 3629 4 */
static inline int everywire_utf8(const unsigned char *text, Py_ssize_t size, uint32_t *state) {
    uint32_t wanted = *state;
    Py_ssize_t i = 0;
    while (i < size) {
        unsigned char byte = text[i];
        if (wanted) {
            if (byte < (wanted & 0xFF) || byte > (wanted >> 8 & 0xFF)) return 0;
            wanted = (wanted >> 16) > 1 ? ((wanted >> 16) - 1) << 16 | 0xBF80 : 0;
        } else if (byte < 0x80) {
            uint64_t word;
            while (i + 8 <= size) {
                memcpy(&word, text + i, 8);
                if (word & 0x8080808080808080ULL) break;
                i += 8;
            }
            if (i >= size || text[i] >= 0x80) continue;
        } else if (byte >= 0xC2 && byte <= 0xDF) {
            wanted = 1 << 16 | 0xBF80;
        } else if (byte >= 0xE0 && byte <= 0xEF) {
            wanted = 2 << 16 | (byte == 0xED ? 0x9F : 0xBF) << 8 | (byte == 0xE0 ? 0xA0 : 0x80);
        } else if (byte >= 0xF0 && byte <= 0xF4) {
            wanted = 3 << 16 | (byte == 0xF4 ? 0x8F : 0xBF) << 8 | (byte == 0xF0 ? 0x90 : 0x80);
        } else {
            return 0;
        }
        i++;
    }
    *state = wanted;
    return 1;
}

/* Make an uninitialised bytes, or ASCII str, to be filled before anyone else sees it. */
static inline PyObject *everywire_blank(Py_ssize_t size, int text) {
    return text ? PyUnicode_New(size, 127) : PyBytes_FromStringAndSize(NULL, size);
}

static inline unsigned char *everywire_inside(PyObject *blank) {
    return PyBytes_CheckExact(blank) ? (unsigned char *)PyBytes_AS_STRING(blank) : (unsigned char *)PyUnicode_DATA(blank);
}

/* Unmask into a blank, from its byte `at` on, in one pass; tell whether anything but ASCII is among that. */
static inline int everywire_fill(PyObject *blank, Py_ssize_t at, const unsigned char *data, Py_ssize_t size, uint32_t key, int phase) {
    unsigned char *restrict out = everywire_inside(blank) + at;
    unsigned char bytes[8], rest = 0;
    uint64_t wide = everywire_wide(bytes, key, phase), word, high = 0;
    Py_ssize_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= wide;
        high |= word;
        memcpy(out + i, &word, 8);
    }
    for (; i < size; i++) rest |= out[i] = data[i] ^ bytes[i & 7];
    return ((high & 0x8080808080808080ULL) | (rest & 0x80)) != 0;
}

/* Make the str of a filled blank that is not ASCII alone. */
static inline PyObject *everywire_decoded(PyObject *blank) {
    return PyUnicode_DecodeUTF8((const char *)PyUnicode_DATA(blank), PyUnicode_GET_LENGTH(blank), NULL);
}

/* Make the unmasked text frame of a str. RFC 6455 5.6 */
static inline PyObject *everywire_text_frame(PyObject *message) {
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(message, &size);
    return utf8 == NULL ? NULL : everywire_frame(0x81, utf8, size, 0, 0);
}

#endif
