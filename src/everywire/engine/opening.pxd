cimport cython

from everywire.http.head cimport RequestReader
from everywire.http.request cimport Request
from everywire.ws.link cimport Link, PlainLink

cdef class Opening(PlainLink):
    cdef object __weakref__
    cdef readonly object site
    cdef readonly object engine
    cdef readonly RequestReader reader
    cdef public double since
    cdef readonly bint idle
    cdef readonly bint full
    cdef readonly bint dropping
    cdef public bint pending
    cdef public bint parting
    cdef readonly bint tunnel
    cdef readonly object task
    cdef readonly Request asked
    cdef object known

    @cython.locals(request=Request, rest=bytes)
    cpdef feed(self, data)
    cdef object _keep(self, bytes data)
    cdef bint _stopped(self) except -1
    cdef object _feed_body(self, data)
    cdef object _break_body(self, int status, str reason)
    cdef object _attend(self, Request request)
    @cython.locals(below=Link)
    cdef object _handle(self, Request request)
    cdef object _await(self, Request request, answer)
    cpdef _go_on(self)
    cdef object _give_up(self)
    @cython.locals(below=Link, data=bytes, keep=bint)
    cdef object _answer(self, Request request, answer)
    cdef object _drop_body(self)
    @cython.locals(below=Link)
    cdef bint _give(self, Request request, handed) except -1
    cdef tuple _encoded(self, Request request, response)
    cdef bint _kept(self, Request request) except -1
    cdef object _refuse(self, int status, str reason)
