cimport cython

cdef bytes _line(int status)

cdef class Head:
    cdef readonly int status
    cdef public list fields
    cdef public list common
    cdef public bytes written
    cdef public object length
    cdef public bint closes

    @cython.locals(parts=list, field=tuple)
    cpdef bytes encode(self, bytes more)
    cpdef headers(self)
