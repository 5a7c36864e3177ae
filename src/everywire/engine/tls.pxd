from everywire.ws.link cimport Link

cdef class TlsLink(Link):
    cdef readonly object engine
    cdef object top
    cdef object timeout
    cdef object failed
    cdef object incoming
    cdef object outgoing
    cdef readonly object tls
    cdef object inner
    cdef bytearray buffer
    cdef readonly bint established
    cdef bint closing
    cdef bint over
    cdef list plain
    cdef Py_ssize_t size
    cdef readonly double since

    cdef int receive(self, unsigned char* data, Py_ssize_t size) except -1
    cdef _handshake(self)
    cdef _fail(self, error)
    cdef _decrypt(self)
    cdef _peer_ended(self)
    cdef _encrypt(self, bytes data)
    cdef _send(self)
    cdef _goodbye(self)
