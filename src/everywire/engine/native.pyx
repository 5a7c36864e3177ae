"""The native reactor: an epoll of its own inside any asyncio loop.

Theory of operation. The engine owns an epoll descriptor that holds every socket, and registers that one descriptor with the event loop. A turn is

    wait -> for each ready socket: receive into the one shared buffer, decode, deliver -> write what was queued -> bury the dead

and nothing is closed or freed while handlers run, so that a handler may do anything: close itself, close others, broadcast, raise. Nothing is written then
either, but where `push` asks for it. What is queued outside of a turn is written by a turn of its own, once per pass of the loop. Several frames for one
socket leave in one `sendmsg`. Sockets are visited in the order of their descriptors, which the kernel's memory likes. Events carry a serial number beside the
descriptor, so that a descriptor used again never gets its predecessor's event.
"""

import logging
import os
import socket as sockets

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.errno cimport EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno as c_errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from everywire.ws.frames cimport encode
from everywire.ws.connection cimport Connection
from everywire.ws.link cimport Link

include "system.pxi"

log = logging.getLogger("everywire.engine")

cdef enum:
    BUFFER = 1 << 18  # one receive
    BATCH = 256  # events of one wait
    ACCEPTS = 64  # connections accepted in one turn
    PIECES = 64  # frames in one sendmsg
    PAIRS = 256  # from here on, those that have left are forgotten whenever there are twice as many
    CROWDED = 1 << 14  # queued bytes above which `drained` is owed
    PIECE = 64  # the same as `everywire.ws.link.PIECE`
    STALLED = 5  # times `fin_timeout`: how long the last bytes may stand still

cdef double BUDGET = 0.002  # seconds after which a turn lets the loop's other callbacks run
cdef double COMPLAINT = 60.0  # seconds between two log lines that say the same of a listener

name = "native"


include "sockets.pxi"


cdef class Engine:
    """All the sockets of one event loop. Not for use from other threads.

    Invariants: `table[fd]` is the live socket of `fd` or NULL; a bit in `bits` marks a descriptor with something to write; nobody is buried while one is being served.
    """

    cdef readonly object loop
    cdef readonly bytearray plaintext  # for TLS
    cdef public object spare  # a driver that waits for a handler to run
    cdef int epfd
    cdef PyObject** table
    cdef uint64_t* bits
    cdef int room, low, high
    cdef readonly int count
    cdef uint32_t serials
    cdef unsigned char* buffer
    cdef epoll_event events[BATCH]
    cdef int cursor, found
    cdef list dead
    cdef bint turning, scheduled, registered
    cdef double period
    cdef object timer
    cdef readonly unsigned long long turns, writes

    name = "native"

    def __cinit__(self, loop):
        self.loop = loop
        self.epfd = -1
        self.dead = []
        self.buffer = <unsigned char*> PyMem_Malloc(BUFFER)
        if self.buffer == NULL:
            raise MemoryError
        everywire_keep_memory()
        self.plaintext = bytearray(1 << 16)
        self.period = 1.0
        self.high = -1
        self.epfd = epoll_create1(EPOLL_CLOEXEC)
        if self.epfd < 0:
            raise OSError(c_errno, os.strerror(c_errno))

    def __dealloc__(self):
        if self.epfd >= 0:
            c_close(self.epfd)
        PyMem_Free(self.buffer)
        PyMem_Free(self.table)
        PyMem_Free(self.bits)

    # For servers and clients

    async def listen(self, sock, factory, fin_timeout=2.0):
        """Accept connections on the listening `sock` (taken over); each gets the Link that `factory()` makes. Gives the listener; `abort` ends it.

        `fin_timeout`: seconds to wait for a peer's FIN after ours; five times as many for bytes that it does not take.
        """
        sock.setblocking(False)
        cdef Listener listener = Listener(self, sock, factory, fin_timeout)
        self.add(listener, EPOLLIN)
        return listener

    async def adopt(self, sock, Link above, fin_timeout=2.0):
        """Take over the connected `sock`, with `above` on it. Gives the lowest storey."""
        sock.setblocking(False)
        cdef bint inet = sock.family in (sockets.AF_INET, sockets.AF_INET6)
        cdef Socket peer = Socket(self, sock.detach(), fin_timeout)
        everywire_ask(peer.fd, &peer.peer)
        if inet:
            everywire_nodelay(peer.fd)
        try:
            self.add(peer, EPOLLIN | EPOLLRDHUP)
        except OSError:
            c_close(peer.fd)
            raise
        peer.put(above)
        return peer

    def watch(self, double seconds):
        """Promise that timeouts of `seconds` are noticed within a quarter of that."""
        self.period = min(self.period, max(seconds / 4, 0.01))
        if self.timer is not None:
            self.timer.cancel()
            self.timer = self.loop.call_later(self.period, self._sweep)

    def clock(self):
        """Tell the time, in seconds."""
        return everywire_now()

    def close(self):
        """Abort everything: at once, or when the turn that calls this is over."""
        cdef int fd
        for fd in range(self.room):
            if self.table[fd] != NULL:
                (<Link> <object> self.table[fd]).abort()
        if not self.turning:
            self.settle()

    # The turn

    def turn(self):
        """Do one turn: the callback of the epoll descriptor."""
        cdef double deadline = everywire_now() + BUDGET
        self.scheduled = False
        self.turning = True
        self.turns += 1
        try:
            while True:
                if self.cursor >= self.found:
                    self.cursor = 0
                    self.found = epoll_wait(self.epfd, self.events, BATCH, 0)
                    if self.found <= 0:
                        break
                if self.some(deadline):
                    self.wanted()
                    break
                self.settle()
                if everywire_now() > deadline:
                    break  # the loop's other callbacks first; epoll tells again what is ready
        finally:
            self.turning = False
            self.settle()

    cdef bint some(self, double deadline) except -1:
        """Serve what is left of the batch; True when the time was up first."""
        cdef epoll_event* event
        cdef uint64_t tag
        cdef int fd
        cdef Watched link
        while self.cursor < self.found:
            event = &self.events[self.cursor]
            self.cursor += 1
            tag = event.data.u64
            fd = <int> (tag & 0xFFFFFFFF)
            if fd >= self.room or self.table[fd] == NULL:
                continue
            link = <Watched> <object> self.table[fd]
            if link.serial != <uint32_t> (tag >> 32):
                continue
            try:
                link.ready(event.events)
                if self.low == self.high:
                    self.answer(link)
            except Exception:
                log.exception("an error that nobody handled; the connection is closed")
                link.abort()
            if self.cursor & 7 == 0 and everywire_now() > deadline:
                return self.cursor < self.found
        return False

    cdef int answer(self, Watched link) except -1:
        """Write at once what `link` alone has to write: its socket is still in the processor's cache."""
        cdef int word = link.fd >> 6
        if link.fd < 0 or self.low != word or self.bits[word] != (<uint64_t> 1) << (link.fd & 63):
            return 0
        self.bits[word] = 0
        self.low, self.high = self.room, -1
        if link.above is not None:
            link.above.settling()
        self.writes += 1
        return link.flush()

    def _settle(self):
        self.scheduled = False
        if self.cursor < self.found:
            self.turn()
        else:
            self.settle()

    cdef int settle(self) except -1:
        """Write what is queued, bury the dead, until there is neither."""
        cdef int word, first, last
        cdef uint64_t bits
        cdef Watched link
        while self.low <= self.high or self.dead:
            first, last = self.low, self.high
            self.low, self.high = self.room, -1
            for word in range(first, last + 1):
                while self.bits[word]:
                    bits = self.bits[word]
                    self.bits[word] = bits & (bits - 1)
                    fd = word * 64 + lowest_bit(bits)
                    if self.table[fd] == NULL:
                        continue
                    link = <Watched> <object> self.table[fd]
                    try:
                        if link.above is not None:
                            link.above.settling()
                        link.flush()
                        self.writes += 1
                    except Exception:
                        log.exception("an error that nobody handled; the connection is closed")
                        link.abort()
            if self.dead:
                self.bury()
        return 0

    cdef int bury(self) except -1:
        cdef list dead = self.dead
        cdef Socket link
        self.dead = []
        for link in dead:
            self.remove(link)
            c_close(link.fd)
            link.fd = -1
            link.emptied()
            link.waiting = 0
            try:
                link.lost(link.reason)
            except Exception:
                log.exception("an error that nobody handled, at the end of a connection")
            link.reason = None
        return 0

    def _sweep(self):
        """Tell every socket the time."""
        cdef double now = everywire_now()
        cdef int fd
        self.timer = None
        self.turning = True
        try:
            for fd in range(self.room):
                if self.table[fd] != NULL:
                    self.sweep_one(<Link> <object> self.table[fd], now)
        finally:
            self.turning = False
            self.settle()
            if self.count and self.timer is None:
                self.timer = self.loop.call_later(self.period, self._sweep)

    cdef int sweep_one(self, Link link, double now) except -1:
        try:
            link.sweep(now)
        except Exception:
            log.exception("an error that nobody handled; the connection is closed")
            link.abort()
        return 0

    # For the sockets

    cdef int mark(self, int fd) except -1:
        """Note that `fd` has something to write."""
        cdef int word = fd >> 6
        if fd < 0:
            return 0
        self.bits[word] |= (<uint64_t> 1) << (fd & 63)
        if word < self.low:
            self.low = word
        if word > self.high:
            self.high = word
        if not self.turning:
            self.wanted()
        return 0

    cdef int wanted(self) except -1:
        """Ask for a turn on the loop's next pass."""
        if not self.scheduled:
            self.scheduled = True
            self.loop.call_soon(self._settle)
        return 0

    cdef int add(self, Watched link, uint32_t events) except -1:
        if link.fd >= self.room:
            self.grow(link.fd)
        self.serials += 1
        link.serial = self.serials
        self.control(EPOLL_CTL_ADD, link, events)
        Py_INCREF(link)
        self.table[link.fd] = <PyObject*> link
        self.count += 1
        if not self.registered:
            self.registered = True
            self.loop.add_reader(self.epfd, self.turn)
        if self.timer is None:
            self.timer = self.loop.call_later(self.period, self._sweep)
        return 0

    cdef int remove(self, Watched link) except -1:
        """Forget `link`; an engine without sockets leaves the loop."""
        if link.fd < 0 or self.table[link.fd] != <PyObject*> link:
            return 0
        self.control(EPOLL_CTL_DEL, link, 0)
        self.table[link.fd] = NULL
        self.count -= 1
        if self.count == 0 and not self.loop.is_closed():
            self.registered = False
            self.loop.remove_reader(self.epfd)
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None
        Py_DECREF(link)
        return 0

    cdef int control(self, int operation, Watched link, uint32_t events) except -1:
        cdef epoll_event event
        event.events = events
        event.data.u64 = (<uint64_t> link.serial) << 32 | <uint32_t> link.fd
        if epoll_ctl(self.epfd, operation, link.fd, &event) < 0 and operation != EPOLL_CTL_DEL:
            raise OSError(c_errno, os.strerror(c_errno))
        return 0

    cdef int grow(self, int fd) except -1:
        cdef int room = max(256, self.room * 2, (fd // 64 + 1) * 64), i
        cdef PyObject** table = <PyObject**> PyMem_Realloc(self.table, room * sizeof(PyObject*))
        if table == NULL:
            raise MemoryError
        self.table = table
        cdef uint64_t* bits = <uint64_t*> PyMem_Realloc(self.bits, room // 64 * sizeof(uint64_t))
        if bits == NULL:
            raise MemoryError
        self.bits = bits
        for i in range(self.room, room):
            table[i] = NULL
        for i in range(self.room // 64, room // 64):
            bits[i] = 0
        if self.room == 0:
            self.low, self.high = room, -1
        self.room = room
        return 0
