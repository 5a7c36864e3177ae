cimport cython

from libc.stdint cimport uint32_t

cdef class Limits:
    cdef public Py_ssize_t max_size
    cdef public Py_ssize_t max_fragments

@cython.freelist(16)
cdef class Control:
    cdef public int opcode
    cdef public bytes data
    cdef public int code
    cdef public str reason

cdef class Decoder:
    cdef readonly unsigned char client
    cdef readonly unsigned char failed
    cdef unsigned char packed
    cdef unsigned char wide
    cdef unsigned char first
    cdef unsigned char kind
    cdef unsigned char phase
    cdef uint32_t key
    cdef Py_ssize_t left
    cdef Py_ssize_t fragments
    cdef readonly Limits limits
    cdef public object inflation
    cdef object inflater
    cdef bytes cut
    cdef Py_ssize_t made
    cdef bytearray parts
    cdef object whole
    cdef Py_ssize_t filled
    cdef uint32_t text_state
    cdef bytes rest
    cdef bytes control

    @cython.locals(joined=bytearray)
    cdef int decode(self, unsigned char* data, Py_ssize_t size, list out) except -1
    @cython.locals(pos=Py_ssize_t, end=Py_ssize_t)
    cdef int _decode(self, unsigned char* data, Py_ssize_t size, list out) except -1
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t, length=Py_ssize_t, first=int, second=int)
    cdef Py_ssize_t _short_way(self, unsigned char* data, Py_ssize_t pos, Py_ssize_t size, list out) except -2
    @cython.locals(start=Py_ssize_t)
    cdef Py_ssize_t _long_way(self, unsigned char* data, Py_ssize_t pos, Py_ssize_t size, list out) except -2
    @cython.locals(first=int, second=int, length=Py_ssize_t, start=Py_ssize_t, i=int)
    cdef Py_ssize_t _start(self, unsigned char* data, Py_ssize_t pos, Py_ssize_t size) except -2
    @cython.locals(opcode=int)
    cdef int _judge_first(self, int first) except -1
    @cython.locals(opcode=int, room=Py_ssize_t)
    cdef int _enter(self, int first, Py_ssize_t length) except -1
    @cython.locals(end=Py_ssize_t, filling=cython.bint)
    cdef Py_ssize_t _payload(self, unsigned char* data, Py_ssize_t pos, Py_ssize_t size, list out) except -2
    @cython.locals(parts=bytearray)
    cdef int _take(self, bytes chunk, bint end) except -1
    cdef Py_ssize_t _end(self, Py_ssize_t pos, list out) except -2
    @cython.locals(kind=int)
    cdef object _filled(self)
    @cython.locals(kind=int)
    cdef object _joined(self)
    cdef int _begin(self, int first, Py_ssize_t length) except -1
    @cython.locals(key=uint32_t)
    cdef int _fill(self, unsigned char* data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(inside=cython.p_uchar)
    cdef bint _is_utf8(self, Py_ssize_t start, Py_ssize_t size) except -1
    cdef int _fail(self, list out, error) except -1

cdef uint32_t key_at(unsigned char* data, Py_ssize_t start) noexcept
cdef int unmask(unsigned char* data, Py_ssize_t start, Py_ssize_t end, uint32_t key, int phase) except -1
@cython.locals(length=Py_ssize_t, i=int)
cdef Py_ssize_t long_length(unsigned char* data, Py_ssize_t start) except -1
cpdef bytes frame(int first, bytes payload)
cpdef bytes masked_frame(int first, bytes payload, uint32_t key)
cpdef bytes encode(message)
