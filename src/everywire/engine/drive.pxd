cimport cython

from everywire.ws.link cimport Link

cdef class Ready:
    pass

@cython.freelist(64)
cdef class Next:
    cdef Inbox inbox
    cdef bint iterating

@cython.final
cdef class Inbox:
    cdef readonly object _loop
    cdef public object _asyncio_future_blocking
    cdef Link source
    cdef readonly Py_ssize_t limit
    cdef readonly list messages
    cdef Py_ssize_t head
    cdef readonly Py_ssize_t size
    cdef bint full
    cdef public object error
    cdef public bint waiting
    cdef public bint iterating
    cdef bint cancelled
    cdef Driver driver
    cdef object callback
    cdef object context

    cpdef Py_ssize_t left(self) except -1
    cpdef put(self, message)
    cpdef end(self, error)
    cpdef wake(self)
    cpdef object poll(self)

cdef class Driver:
    cdef readonly object _loop
    cdef public object _asyncio_future_blocking
    cdef readonly object coroutine
    cdef public object clean
    cdef readonly object context
    cdef public object task
    cdef Inbox parked
    cdef object callback
    cdef bint cancelled
    cdef bint holding
    cdef bint held_return
    cdef object held
    cdef object held_error

    cdef int resume(self) except -1
    cpdef bint try_run(self, coroutine) except -1
    cpdef object outcome(self)
    cpdef bint is_spare(self) except -1
    cdef bint _enter(self) except -1
    cdef int _run(self) except -1
    cdef int _step(self) except -1
    @cython.locals(inbox=Inbox)
    cdef int _yielded(self, answer) except -1
    cdef int _catch(self) except -1
    cdef int _wake(self) except -1
    cdef object _go_on(self)
    cdef object _hand_over(self)

cdef object poll_inbox(Inbox inbox)
