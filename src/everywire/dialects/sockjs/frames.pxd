cdef class FramedCodec:
    cdef object _inner

    cpdef encode(self, event)

cdef class FramedDecoder:
    cdef object _inner

    cpdef decode(self, data)

cpdef str quoted(str text)
cpdef list strings(said)
