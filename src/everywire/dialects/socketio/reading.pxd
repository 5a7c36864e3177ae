cimport cython

cdef class SocketIODecoder:
    cdef object _codecs
    cdef object _namespaces
    cdef object _first
    cdef dict _others
    cdef object _packed
    cdef object _torn
    cdef tuple _attachments
    cdef Py_ssize_t _max_payload
    cdef Py_ssize_t _max_namespaces
    cdef readonly long long _ref

    cpdef decode(self, data)
    @cython.locals(
        alone=cython.bint, begin=Py_ssize_t, end=Py_ssize_t, last=Py_ssize_t, number=str, name=str,
        arguments=str, namespace=str, comma=str,
    )
    cdef _event(self, str text)
    cdef _joined(self, str namespace)
    cdef _number(self, given)

cdef bint _is_number(str digits) except -1
cdef Py_ssize_t _size(data) except -1
