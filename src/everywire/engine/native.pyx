"""The native reactor: an epoll of its own inside any asyncio loop.

Theory of operation. The engine owns an epoll descriptor that holds every socket, and registers that one descriptor with the event loop. A turn is

    wait -> for each ready socket: receive into the one shared buffer, decode, deliver -> write what was queued -> bury the dead

and nothing is written, closed or freed anywhere else, so that a handler may do anything: close itself, close others, broadcast, raise. What is queued outside
of a turn is written by a turn of its own, once per pass of the loop. Several frames for one socket leave in one `sendmsg`. Sockets are visited in the order of
their descriptors, which the kernel's memory likes. Events carry a serial number beside the descriptor, so that a descriptor used again never gets its
predecessor's event.
"""

import logging
import os
import socket as sockets

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno as c_errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from everywire.ws.frames cimport encode
from everywire.ws.connection cimport Connection
from everywire.ws.link cimport Link

cdef extern from "sys/epoll.h" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, EPOLL_CLOEXEC
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event* event)
    int epoll_wait(int epfd, epoll_event* events, int most, int timeout)

cdef extern from "sys/uio.h" nogil:
    struct iovec:
        void* iov_base
        size_t iov_len

cdef extern from "sys/socket.h" nogil:
    struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
    int MSG_NOSIGNAL, MSG_DONTWAIT, SHUT_WR, SOCK_NONBLOCK, SOCK_CLOEXEC
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t send(int fd, const void* buffer, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr* message, int flags)
    int shutdown(int fd, int how)

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <netinet/tcp.h>
    #include <time.h>
    #include <malloc.h>
    /* glibc gives freed memory back to the kernel from 128 kB on and faults it in again a moment later: a third of the cost of a 64 kB message. */
    static void everywire_keep_memory(void) {
    #ifdef __GLIBC__
        mallopt(M_TRIM_THRESHOLD, 16 << 20);
        mallopt(M_MMAP_THRESHOLD, 1 << 20);
    #endif
    }
    static int everywire_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }
    static void everywire_nodelay(int fd) { int on = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); }
    static double everywire_now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
    """
    void everywire_keep_memory() nogil
    int everywire_accept(int fd) nogil
    void everywire_nodelay(int fd) nogil
    double everywire_now() nogil

cdef extern from "unistd.h" nogil:
    int c_close "close"(int fd)

log = logging.getLogger("everywire.engine")

cdef enum:
    BUFFER = 1 << 18  # one receive
    BATCH = 256  # events of one wait
    ACCEPTS = 64  # connections accepted in one turn
    PIECES = 64  # frames in one sendmsg
    CROWDED = 1 << 14  # queued bytes above which `drained` is owed

cdef double BUDGET = 0.002  # seconds after which a turn lets the loop's other callbacks run
cdef double LINGER = 2.0  # seconds to wait for the peer's FIN after ours

name = "native"


cdef class Watched(Link):
    """What the engine's epoll can hold: a connected socket, a listening one."""

    cdef readonly Engine engine
    cdef int fd
    cdef uint32_t serial

    cdef int ready(self, uint32_t events) except -1:
        return 0

    cdef int flush(self) except -1:
        return 0


@cython.final
cdef class Socket(Watched):
    """The lowest storey: one connected stream socket.

    Invariants: `head` is None exactly while nothing is queued; `sent` counts bytes of `head` that have left; EPOLLOUT is watched exactly while `blocked`.
    """

    cdef bytes head
    cdef list rest
    cdef Py_ssize_t sent
    cdef Py_ssize_t waiting
    cdef Py_ssize_t mark_low
    cdef bint blocked, paused, finishing, half, clean, dead, eof, crowded
    cdef double deadline
    cdef object reason

    def __init__(self, Engine engine, int fd):
        self.engine = engine
        self.fd = fd
        self.mark_low = CROWDED

    # Up

    cdef int ready(self, uint32_t events) except -1:
        if self.dead:
            return 0
        if events & EPOLLOUT:
            self.engine.mark(self.fd)
        if events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR):
            self.take()
        return 0

    cdef int take(self) except -1:
        cdef ssize_t size = recv(self.fd, self.engine.buffer, BUFFER, MSG_DONTWAIT)
        if size > 0:
            if self.above is not None and not self.finishing:
                self.above.receive(self.engine.buffer, size)
        elif size == 0:
            self.eof = True
            if self.half or self.above is None:
                self.die(None)
            elif not self.finishing:
                self.watch()
                self.above.ended()
            else:
                self.watch()
        elif c_errno != EAGAIN and c_errno != EINTR:
            self.die(OSError(c_errno, os.strerror(c_errno)))
        return 0

    # Down

    cpdef write(self, bytes data):
        if self.dead or self.finishing:
            return
        if self.head is None:
            self.head = data
        elif self.rest is None:
            self.rest = [data]
        else:
            self.rest.append(data)
        self.waiting += PyBytes_GET_SIZE(data)
        if self.waiting > CROWDED:
            self.crowded = True
        self.engine.mark(self.fd)

    cpdef wake(self):
        if not self.dead:
            self.engine.mark(self.fd)

    cpdef leave(self):
        self.clean = True
        self.finish()

    cpdef finish(self):
        if not self.finishing and not self.dead:
            self.finishing = True
            self.deadline = everywire_now() + LINGER
            self.engine.mark(self.fd)

    cpdef abort(self):
        self.die(None)

    cpdef reading(self, bint on):
        if self.paused == on and not self.dead:
            self.paused = not on
            self.watch()

    cpdef Py_ssize_t queued(self) except -1:
        return self.waiting

    cpdef crowd(self, Py_ssize_t low):
        self.crowded = True
        self.mark_low = min(self.mark_low, low)
        self.engine.mark(self.fd)

    cpdef discard(self):
        """Drop what is queued, but for a frame that has begun to leave."""
        self.rest = None
        if self.head is not None and self.sent:
            self.waiting = PyBytes_GET_SIZE(self.head) - self.sent
        else:
            self.head = None
            self.waiting = 0

    cpdef extra(self, str what):
        if self.fd < 0:
            return None
        if what == "fd":
            return self.fd
        with sockets.socket(fileno=os.dup(self.fd)) as twin:
            try:
                if what == "peername":
                    return twin.getpeername()
                if what == "sockname":
                    return twin.getsockname()
            except OSError:
                pass
        return None

    cpdef sweep(self, double now):
        if self.finishing:
            if now > self.deadline and (self.half or now > self.deadline + 8):
                self.die(None)
            return
        if self.above is not None:
            self.above.sweep(now)

    cdef int watch(self) except -1:
        """Tell epoll what matters now."""
        cdef uint32_t events = 0
        if not self.paused and not self.eof:
            events |= EPOLLIN | EPOLLRDHUP
        if self.blocked:
            events |= EPOLLOUT
        return self.engine.control(EPOLL_CTL_MOD, self, events)

    cdef int die(self, reason) except -1:
        if not self.dead:
            self.dead = True
            self.reason = reason
            self.engine.dead.append(self)
            self.engine.wanted()
        return 0

    # The writing phase

    cdef int flush(self) except -1:
        cdef ssize_t size
        if self.dead:
            return 0
        while self.head is not None:
            if self.rest is None or PyList_GET_SIZE(self.rest) == 0:
                size = send(self.fd, PyBytes_AS_STRING(self.head) + self.sent, PyBytes_GET_SIZE(self.head) - self.sent, MSG_NOSIGNAL | MSG_DONTWAIT)
            else:
                size = self.send_pieces()
            if size < 0:
                if c_errno == EINTR:
                    continue
                if c_errno == EAGAIN or c_errno == ENOBUFS:
                    if not self.blocked:
                        self.blocked = True
                        self.watch()
                    break
                self.die(OSError(c_errno, os.strerror(c_errno)))
                return 0
            self.consume(size)
        return self.after_flush()

    cdef int after_flush(self) except -1:
        if self.head is None:
            if self.blocked:
                self.blocked = False
                self.watch()
            if self.finishing and not self.half:
                self.half = True
                if self.eof or self.clean:
                    self.die(None)
                    return 0
                shutdown(self.fd, SHUT_WR)
                if self.paused:
                    self.paused = False
                    self.watch()
        if self.crowded and self.waiting <= self.mark_low:
            self.crowded = False
            self.mark_low = CROWDED
            if self.above is not None and not self.finishing:
                self.above.drained()
        return 0

    cdef ssize_t send_pieces(self) except -2:
        """Send the head and what follows it in one call."""
        cdef iovec pieces[PIECES]
        cdef msghdr message
        cdef Py_ssize_t count = 1, i, most = min(PyList_GET_SIZE(self.rest), <Py_ssize_t> PIECES - 1)
        cdef bytes piece
        pieces[0].iov_base = PyBytes_AS_STRING(self.head) + self.sent
        pieces[0].iov_len = PyBytes_GET_SIZE(self.head) - self.sent
        for i in range(most):
            piece = <bytes> self.rest[i]
            pieces[count].iov_base = PyBytes_AS_STRING(piece)
            pieces[count].iov_len = PyBytes_GET_SIZE(piece)
            count += 1
        memset(&message, 0, sizeof(message))
        message.msg_iov = pieces
        message.msg_iovlen = count
        return sendmsg(self.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)

    cdef int consume(self, ssize_t size) except -1:
        """Take `size` bytes off the queue."""
        cdef Py_ssize_t left = PyBytes_GET_SIZE(self.head) - self.sent
        cdef Py_ssize_t i = 0, count
        self.waiting -= size
        if size < left:
            self.sent += size
            return 0
        size -= left
        self.sent = 0
        if self.rest is None:
            self.head = None
            return 0
        count = PyList_GET_SIZE(self.rest)
        while i < count and size >= PyBytes_GET_SIZE(<bytes> self.rest[i]):
            size -= PyBytes_GET_SIZE(<bytes> self.rest[i])
            i += 1
        if i == count:
            self.head = None
            self.rest = None
        else:
            self.head = <bytes> self.rest[i]
            self.sent = size
            del self.rest[: i + 1]
        return 0


@cython.final
cdef class Listener(Watched):
    """A listening socket: each connection gets the storey that `factory()` makes."""

    cdef object sock
    cdef object factory
    cdef bint stream_inet
    cdef double paused_until

    def __init__(self, Engine engine, sock, factory):
        self.engine = engine
        self.sock = sock
        self.fd = sock.fileno()
        self.factory = factory
        self.stream_inet = sock.family in (sockets.AF_INET, sockets.AF_INET6)

    cdef int ready(self, uint32_t events) except -1:
        cdef int fd, i
        cdef Socket peer
        for i in range(ACCEPTS):
            if self.sock is None:
                return 0
            fd = everywire_accept(self.fd)
            if fd < 0:
                return self.cannot(c_errno)
            if self.stream_inet:
                everywire_nodelay(fd)
            peer = Socket(self.engine, fd)
            self.engine.add(peer, EPOLLIN | EPOLLRDHUP)
            try:
                peer.put(self.factory())
            except Exception:
                log.exception("a new connection could not be set up")
                peer.abort()
        return 0

    cdef int cannot(self, int error) except -1:
        if error in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
            log.error("cannot accept connections: %s; trying again in 0.1 s", os.strerror(error))
            self.engine.control(EPOLL_CTL_MOD, self, 0)
            self.engine.loop.call_later(0.1, self.again)
        return 0

    def again(self):
        """Accept again after a pause."""
        if self.sock is not None:
            self.engine.control(EPOLL_CTL_MOD, self, EPOLLIN)

    cpdef abort(self):
        """Stop listening and close the socket."""
        if self.sock is not None:
            self.engine.remove(self)
            self.sock.close()
            self.sock = None


cdef class Engine:
    """All the sockets of one event loop. Not for use from other threads.

    Invariants: `table[fd]` is the live socket of `fd` or NULL; a bit in `bits` marks a descriptor with something to write; nobody is buried during a turn's
    receiving phase.
    """

    cdef readonly object loop
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

    async def listen(self, sock, factory):
        """Accept connections on the listening `sock` (taken over); each gets the Link that `factory()` makes. Gives the listener; `abort` ends it."""
        sock.setblocking(False)
        cdef Listener listener = Listener(self, sock, factory)
        self.add(listener, EPOLLIN)
        return listener

    async def adopt(self, sock, Link above):
        """Take over the connected `sock`, with `above` on it. Gives the lowest storey."""
        sock.setblocking(False)
        cdef bint inet = sock.family in (sockets.AF_INET, sockets.AF_INET6)
        cdef Socket peer = Socket(self, sock.detach())
        if inet:
            everywire_nodelay(peer.fd)
        self.add(peer, EPOLLIN | EPOLLRDHUP)
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
        """Bury everything at once."""
        cdef int fd
        for fd in range(self.room):
            if self.table[fd] != NULL:
                (<Link> <object> self.table[fd]).abort()
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
            except Exception:
                log.exception("an error that nobody handled; the connection is closed")
                link.abort()
            if self.cursor & 7 == 0 and everywire_now() > deadline:
                return self.cursor < self.found
        return False

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
            link.head = None
            link.rest = None
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
                    (<Link> <object> self.table[fd]).sweep(now)
        finally:
            self.turning = False
            self.settle()
        if self.count and self.timer is None:
            self.timer = self.loop.call_later(self.period, self._sweep)

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


cdef extern from *:
    """
    static int everywire_lowest_bit(uint64_t bits) { return __builtin_ctzll(bits); }
    """
    int lowest_bit "everywire_lowest_bit"(uint64_t bits) nogil
