cimport cython

from everywire.http.request cimport Headers, Request

cdef class RequestReader:
    cdef public object limits
    cdef public bint streamed
    cdef public object incoming
    cdef public bytes rest
    cdef public bytes head
    cdef public bint expects
    cdef object _parser
    cdef object _used
    cdef list _fields
    cdef Headers _headers
    cdef bytes _method
    cdef str _version
    cdef bytes _target
    cdef bint _upgrades
    cdef bytearray _body
    cdef bint _chunked
    cdef long long _left
    cdef Py_ssize_t _blank
    cdef long long _taken
    cdef long long _size
    cdef bint _done

    @cython.locals(buffer=bytes, end=Py_ssize_t)
    cpdef Request feed(self, bytes data)
    cpdef end(self)
    cdef bytes _without_blank_lines(self, bytes buffer)
    @cython.locals(headers=Headers, rest=bytes, request=Request)
    cdef Request _parse(self)
    @cython.locals(request=Request)
    cdef Request _begun(self)
    @cython.locals(end=Py_ssize_t)
    cdef object _check_line(self)
    @cython.locals(fields=list, lines=list)
    cdef object _aim(self, bytes version)
    @cython.locals(hosts=list)
    cdef object _check(self, Headers headers)
    cdef object _without_upgrade(self, Headers headers)
    cdef object _expect_body(self, Headers headers)
    cdef object _expect_leave(self, expectation)
    cdef object _feed(self, parser, bytes data)
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef Request _more(self, bytes data)
    cdef Request _complete(self)
    cdef Py_ssize_t _end_of_step(self, bytes data, Py_ssize_t start) except -1
    @cython.locals(body=bytes)
    cdef Request _request(self)
    cpdef on_url(self, bytes url)
    cpdef on_header(self, bytes name, bytes value)
    cpdef on_body(self, bytes body)
    cpdef on_message_complete(self)
