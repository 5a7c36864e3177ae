cimport cython

from everywire.ws.link cimport Link

# A class of Python's below this one would have each of its calls look for an override first.
@cython.final
cdef class Borrowed(Link):
    cdef object __weakref__
    cdef readonly object engine
    cdef readonly object owner
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

    @cython.locals(above=Link)
    cpdef data_received(self, bytes data)
    cpdef flush(self)
    cdef _flush(self)
    cdef _mark(self)
    cdef _half_close(self)
