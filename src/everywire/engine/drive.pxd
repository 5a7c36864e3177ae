cimport cython

from everywire.engine.inbox cimport Inbox, Resumable

cdef class Driver(Resumable):
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
    cdef bint _is_over(self) except -1
    cdef bint _enter(self) except -1
    cdef int _run(self) except -1
    cdef int _step(self) except -1
    @cython.locals(inbox=Inbox)
    cdef int _yielded(self, answer) except -1
    cdef int _catch(self) except -1
    cdef int _wake(self) except -1
    cdef object _go_on(self)
    cdef object _hand_over(self)
