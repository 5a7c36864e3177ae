cdef class TextCodec:
    cpdef encode(self, event)

cdef _said(data)
