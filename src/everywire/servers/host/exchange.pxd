cimport cython

from everywire.http.raw cimport Head
from everywire.http.request cimport Request
from everywire.servers.host.heads cimport Common

cdef class Exchange:
    cdef readonly Request request
    cdef readonly dict scope
    cdef readonly object loop
    cdef readonly Common common
    cdef readonly int state
    cdef bint read
    cdef readonly bint parted
    cdef bint broken
    cdef public bint given
    cdef readonly object answer
    cdef readonly object future
    cdef readonly Head head
    cdef public object left
    cdef list held
    cdef readonly object outlet
    cdef public object room
    cdef list waiting
    cdef readonly bint trailing
    cdef list trailers

    cdef bint _over(self) except -1
    cdef bint _left_alone(self) except -1
    cdef object _say(self, message)
    cpdef start(self, message)
    cpdef bint count(self, Py_ssize_t size, more) except -1
    cdef object _piece(self, body, more)
    cpdef finish_bare(self)
    cpdef stream(self)
    cpdef write(self, bytes data)
    cpdef last(self)
    cpdef give(self, answer)
    cdef bint _crowded(self) except -1
    cpdef drained(self)
    cpdef gone(self)
    cdef object _failed(self, error)
    cdef object _break_off(self)
    cpdef _wake(self)
