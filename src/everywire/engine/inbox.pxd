cimport cython

from everywire.ws.link cimport Link

cdef class Resumable:
    cdef int resume(self) except -1

cdef class Teller:
    cdef object told(self, message)
    cpdef object ended(self, error)

cdef class Ready:
    pass

@cython.freelist(64)
cdef class Next:
    cdef Inbox inbox
    cdef int manner
    cdef bint begun

@cython.final
cdef class Inbox:
    cdef readonly object _loop
    cdef public object _asyncio_future_blocking
    cdef public Link source
    cdef readonly Py_ssize_t limit
    cdef readonly list messages
    cdef Py_ssize_t head
    cdef readonly Py_ssize_t size
    cdef readonly bint full
    cdef public object error
    cdef public Teller teller
    cdef public bint waiting
    cdef public int manner
    cdef bint cancelled
    cdef public Resumable driver
    cdef object callback
    cdef object context

    cpdef Py_ssize_t left(self) except -1
    cpdef put(self, message)
    cpdef end(self, error)
    cpdef wake(self)
    cpdef object poll(self)

cdef object poll_inbox(Inbox inbox)
