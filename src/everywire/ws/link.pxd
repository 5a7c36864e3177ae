cdef class Link:
    cdef public Link above
    cdef public Link below

    cdef int receive(self, unsigned char* data, Py_ssize_t size) except -1
    cpdef feed(self, data)
    cpdef ended(self)
    cpdef lost(self, reason)
    cpdef drained(self)
    cpdef settling(self)
    cpdef exhausted(self)
    cpdef sweep(self, double now)

    cpdef write(self, bytes data)
    cpdef write_both(self, bytes header, body)
    cpdef push(self)
    cpdef wake(self)
    cpdef finish(self)
    cpdef leave(self)
    cpdef abort(self)
    cpdef discard(self)
    cpdef reading(self, bint on)
    cpdef Py_ssize_t queued(self) except -1
    cpdef crowd(self, Py_ssize_t low)
    cpdef extra(self, str name)
    cpdef put(self, Link above)

cdef class PlainLink(Link):
    cdef int receive(self, unsigned char* data, Py_ssize_t size) except -1
    cpdef feed(self, data)
