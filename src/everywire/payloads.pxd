cdef class Payload:
    cdef readonly object data
