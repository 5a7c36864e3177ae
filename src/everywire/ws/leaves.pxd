from libc.stdint cimport uint32_t

cdef extern from "frames.h":
    uint32_t everywire_key(const unsigned char* data) noexcept
    void everywire_mask(unsigned char* data, Py_ssize_t size, uint32_t key, int phase) noexcept
    object everywire_frame(int first, const char* payload, Py_ssize_t size, int masked, uint32_t key)
    object everywire_text_frame(str message)
    int everywire_utf8(const unsigned char* text, Py_ssize_t size, uint32_t* state) noexcept
    object everywire_blank(Py_ssize_t size, bint text)
    unsigned char* everywire_inside(object blank) noexcept
    bint everywire_fill(object blank, Py_ssize_t at, const unsigned char* data, Py_ssize_t size, uint32_t key, int phase) noexcept
    str everywire_decoded(object blank)
