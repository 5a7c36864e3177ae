cimport cython

from everywire.engine.drive cimport Driver
from everywire.engine.inbox cimport Inbox, Next
from everywire.ws.connection cimport Connection
from everywire.ws.frames cimport encode, frame
from everywire.ws.link cimport Link

cdef class WebSocket(Connection):
    cdef dict __dict__
    cdef object __weakref__
    cdef readonly object engine
    cdef public object opened_by
    cdef public object response
    cdef public object subprotocol
    cdef public object on_message
    cdef public object on_close
    cdef public double latency
    cdef public Inbox inbox
    cdef public unsigned char busy
    cdef public unsigned char over
    cdef unsigned char stopped
    cdef Py_ssize_t allowance
    cdef dict pings
    cdef object room
    cdef object farewell
    cdef public object task
    cdef object ground

    cpdef deliver(self, message)
    cpdef bint full(self) except -1
    cpdef bint unread(self) except -1
    cpdef reading(self, bint on)
    cpdef delivered(self)
    cdef _call(self, message)
    cdef Inbox _incoming(self)
    cdef Py_ssize_t _left(self) except -1
    @cython.locals(driver=Driver)
    cdef _run_handler(self, coroutine)
    cdef _wait_for(self, task)
    @cython.locals(before=Py_ssize_t, waiting=Py_ssize_t)
    cpdef send(self, message)
    cpdef write_frame(self, bytes frame)
    cpdef cut_off(self)
    @cython.locals(waiting=Py_ssize_t)
    cdef _judge(self, Py_ssize_t size)
    cpdef _write_close(self, int code, str reason)
    cpdef _tell_closed(self)
    cpdef broken(self, error)

@cython.locals(websocket=WebSocket, ready=bytes)
cpdef broadcast(connections, message)
cpdef post(WebSocket websocket, message)
cdef bytes _shared_frame(dict shared, compressor, message)
