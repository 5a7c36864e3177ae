cdef class Shape:
    cdef readonly object hint
    cdef object _json
    cdef object _packed

    cpdef read(self, data)

cdef class Fields:
    cdef readonly dict hints
    cdef readonly object optional
    cdef dict _foreign
    cdef Shape _listed
    cdef Shape _struct

    cpdef dict placed(self, data)
    cpdef named(self, data)
    cpdef dict read(self, data)

cpdef encode(value)
cpdef told(value, codec)
