cimport cython

cdef class Headers:
    cdef list _fields
    cdef list _raw
    cdef bytes _head

    cpdef fold(self)
    cdef list _list(self)
    cpdef list raw(self)
    @cython.locals(size=Py_ssize_t, lower=str, wanted=bytes, found=list, pair=tuple, other=bytes)
    cdef list _values(self, str name)
    cpdef list get_all(self, str name)
    cpdef get(self, str name, default=*)
    @cython.locals(values=list, token=str)
    cpdef list tokens(self, str name)
    cpdef list wire(self)

cdef class KnownFacts:
    cdef object _below
    cdef object _own
    cdef object _peer

    cpdef object extra(self, str name)

cdef class Request:
    cdef public object body
    cdef public object exchange
    cdef public object facts
    cdef public Headers headers
    cdef public bint held
    cdef public object incoming
    cdef public object method
    cdef public object scope
    cdef public object target
    cdef public object user
    cdef public object version
