from everywire.ws.link cimport Link

cdef class Borrowed(Link):
    cdef dict __dict__
    cdef object __weakref__
    cdef readonly object engine
    cdef readonly object transport
    cdef readonly double fin_timeout
    cdef object _write
    cdef list _outbox
    cdef Py_ssize_t _waiting
    cdef Py_ssize_t _low
    cdef Py_ssize_t _left
    cdef double _deadline
    cdef readonly bint over
    cdef bint _turning
    cdef bint _marked
    cdef bint _full
    cdef bint _crowded
    cdef bint _half
    cdef bint _eof
    cdef bint _clean
    cdef readonly bint finishing

    cpdef flush(self)
    cdef _flush(self)
    cdef _mark(self)
    cdef _half_close(self)
