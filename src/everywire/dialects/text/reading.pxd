cdef class TextDecoder:
    cdef readonly str name
    cdef readonly long long said

    cpdef decode(self, data)

cdef _data(said)
