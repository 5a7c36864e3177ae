cimport cython

from everywire.engine.inbox cimport Inbox, Next, Teller
from everywire.engine.websocket cimport WebSocket

cdef class Conversation(Teller):
    cdef readonly object loop
    cdef readonly Inbox inbox
    cdef readonly WebSocket websocket
    cdef public unsigned char phase
    cdef unsigned char greeted
    cdef unsigned char parted

    cdef object told(self, message)
    @cython.locals(websocket=WebSocket)
    cpdef object ended(self, error)
    @cython.locals(websocket=WebSocket)
    cdef object _say(self, dict message)
