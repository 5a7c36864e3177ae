cdef class Attachment:
    cdef readonly object _hub
    cdef public object _limit
    cdef public object transport
    cdef public object codec
    cdef public object request
    cdef public object address
    cdef public object admission
    cdef public object bundle
    cdef public object session
    cdef public list inbox
    cdef public object calls
    cdef public object heartbeat
    cdef public double heard
    cdef public double left
    cdef public double left_bytes
    cdef public double since
    cdef public double since_bytes
    # a bint has four bytes
    cdef public unsigned char refreshing
    cdef public unsigned char alone
    cdef public unsigned char unseen
    cdef public unsigned char busy
    cdef public unsigned char open

    cpdef receive(self, command)
    cpdef bint pay(self, Py_ssize_t size) except -1
    cpdef tell(self, event)
    cpdef close(self, code, reason)
    cpdef goodbye(self, code, reason)
    cpdef lost(self, code)
