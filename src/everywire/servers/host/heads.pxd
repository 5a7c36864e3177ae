cimport cython

from everywire.http.raw cimport Head

cdef class Common:
    cdef list _server
    cdef object _clock
    cdef long long _second
    cdef readonly list fields
    cdef readonly bytes written

    cpdef now(self)
    cpdef without(self, names)

cdef bytes _lowered(name)
cdef bint _breaks(value) except -1
@cython.locals(found=list)
cpdef list checked(headers)
@cython.locals(fields=list, made=Head, field=tuple)
cpdef Head head(status, headers, Common common)
cdef object _heed(Head made, tuple field, special)
cdef object _settle(Head made, names, Common common)
