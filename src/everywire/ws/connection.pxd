cimport cython

from everywire.ws.frames cimport Control, Decoder, Limits, encode, frame, masked_frame
from everywire.ws.link cimport Link

cdef class Manner:
    cdef public Limits limits
    cdef public object clock
    cdef public object mask
    cdef public object ping_interval
    cdef public object ping_timeout
    cdef public object close_timeout
    cdef public Py_ssize_t high
    cdef public Py_ssize_t write_limit
    cdef public Py_ssize_t read_limit
    cdef public int slow_code
    cdef public int bare_code

cdef class Connection(Link):
    cdef readonly Manner manner
    cdef readonly Decoder decoder
    cdef readonly object compressor
    # a bint has four bytes
    cdef readonly unsigned char client
    cdef public unsigned char state
    cdef public unsigned char heard
    cdef public unsigned char refused
    cdef public unsigned char pinged
    cdef public unsigned char bidden
    cdef unsigned char more
    cdef unsigned char decoding
    cdef object verdict
    cdef public double since
    cdef public int peer_code
    cdef public int sent_code
    cdef public object reason
    cdef bytes late_pong

    cdef int receive(self, unsigned char* data, Py_ssize_t size) except -1
    cpdef _control(self, Control control)
    cpdef _answer(self, bytes data)
    cpdef _end(self)
    cpdef fail(self, int code, str reason)
    cpdef sweep(self, double now)
    cpdef deliver(self, message)
    cpdef delivered(self)
    @cython.locals(events=list)
    cdef int _decode(self, unsigned char* data, Py_ssize_t size) except -1
    cpdef go_on(self)
    cdef int _deliver_all(self, list events) except -1
    cpdef bint full(self) except -1
    cpdef bint unread(self) except -1
    cpdef _end_when_read(self, error)
    cpdef end_now(self)
    cpdef ponged(self, bytes data)
    cpdef keepalive(self)
    cpdef faulted(self, int code, str reason)
    cpdef finished(self, reason)
    cpdef send_frame(self, int first, bytes payload)
    cpdef send_message(self, message)
    cpdef _send_data(self, int opcode, bytes data)
    cpdef send_fragment(self, int opcode, bytes data, bint end)
    cpdef start_close(self, int code, str reason)
    cpdef _write_close(self, int code, str reason)
    cpdef outcome(self)
