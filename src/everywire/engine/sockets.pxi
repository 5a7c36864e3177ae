# The lowest storeys: connected and listening sockets.

cdef class Watched(Link):
    """What the engine's epoll can hold: a connected socket, a listening one."""

    cdef readonly Engine engine
    cdef int fd
    cdef uint32_t serial

    cdef int ready(self, uint32_t events) except -1:
        return 0

    cdef int flush(self) except -1:
        return 0


cdef inline char* data_of(piece):
    """Give the bytes of a piece: bytes, or an ASCII str."""
    return PyBytes_AS_STRING(piece) if PyBytes_CheckExact(piece) else <char*> PyUnicode_DATA(piece)


cdef inline Py_ssize_t size_of(piece):
    return PyBytes_GET_SIZE(piece) if PyBytes_CheckExact(piece) else PyUnicode_GET_LENGTH(piece)


cdef object address_of(everywire_peer* peer):
    """Write an IP address as Python's sockets do (a server need not know an IPv6 flow)."""
    if peer.family == sockets.AF_INET:
        return sockets.inet_ntop(sockets.AF_INET, peer.address[:4]), peer.port
    if peer.family == sockets.AF_INET6:
        return sockets.inet_ntop(sockets.AF_INET6, peer.address[:16]), peer.port, 0, peer.scope
    return None


@cython.final
cdef class Socket(Watched):
    """The lowest storey: one connected stream socket.

    Invariants: `head` is None exactly while nothing is queued; `sent` counts bytes of `head` that have left, `gone` those that have left since nothing was
    queued; `pairs` holds where, in the same count, two pieces that belong together begin and end; EPOLLOUT is watched exactly while `blocked`.
    """

    cdef object head
    cdef list rest
    cdef list pairs
    cdef Py_ssize_t sent, gone
    cdef Py_ssize_t waiting
    cdef unsigned char blocked, paused, finishing, half, clean, dead, eof, crowded  # a bint has four bytes
    cdef int mark_low
    cdef float fin_timeout
    cdef double deadline
    cdef object reason
    cdef everywire_peer peer

    def __init__(self, Engine engine, int fd, float fin_timeout):
        self.engine = engine
        self.fd = fd
        self.fin_timeout = fin_timeout
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
        cdef Link above = self.above  # held: it may give its place to another, or be the last to hold itself
        if size > 0:
            if above is not None and not self.finishing:
                above.receive(self.engine.buffer, size)
        elif size == 0:
            self.eof = True
            if self.half or above is None:
                self.die(None)
            elif not self.finishing:
                self.watch()
                above.ended()
            else:
                self.watch()
        elif c_errno != EAGAIN and c_errno != EINTR:
            self.die(OSError(c_errno, os.strerror(c_errno)))
        return 0

    # Down

    cpdef write(self, bytes data):
        if not self.dead and not self.finishing:
            self.queue(data, PyBytes_GET_SIZE(data))

    cpdef write_both(self, bytes header, body):
        cdef Py_ssize_t begin = self.gone + self.waiting, count
        if self.dead or self.finishing:
            return
        self.queue(header, PyBytes_GET_SIZE(header))
        self.queue(body, size_of(body))
        if self.pairs is None:
            self.pairs = []
        count = PyList_GET_SIZE(self.pairs)
        if count >= PAIRS and count & (count - 1) == 0:  # seldom, as it may be that none has left
            self.pairs = [pair for pair in self.pairs if pair[1] > self.gone]
        self.pairs.append((begin, self.gone + self.waiting))

    cdef int queue(self, piece, Py_ssize_t size) except -1:
        if self.head is None:
            self.head = piece
        elif self.rest is None:
            self.rest = [piece]
        else:
            self.rest.append(piece)
        self.waiting += size
        if self.queued() > CROWDED:
            self.crowded = True
        return self.engine.mark(self.fd)

    cpdef push(self):
        self.flush()

    cpdef wake(self):
        if not self.dead:
            self.engine.mark(self.fd)

    cpdef leave(self):
        self.clean = True
        self.finish()

    cpdef finish(self):
        if not self.finishing and not self.dead:
            self.finishing = True
            self.deadline = everywire_now() + self.fin_timeout
            self.engine.mark(self.fd)

    cpdef abort(self):
        self.die(None)

    cpdef reading(self, bint on):
        if self.paused == on and not self.dead:
            self.paused = not on
            self.watch()

    cpdef Py_ssize_t queued(self) except -1:
        return self.waiting if self.rest is None else self.waiting + PIECE * PyList_GET_SIZE(self.rest)

    cpdef crowd(self, Py_ssize_t low):
        self.crowded = True
        self.mark_low = min(self.mark_low, low)
        self.engine.mark(self.fd)

    cpdef discard(self):
        """Drop what is queued, but for the piece that has begun to leave, with the other one of its pair."""
        cdef Py_ssize_t keep = size_of(self.head) - self.sent if self.head is not None and self.sent else 0
        if self.pairs is not None:
            self.pairs = [pair for pair in self.pairs if pair[0] < self.gone < pair[1]]
            if self.pairs:
                keep = self.pairs[0][1] - self.gone
        if keep == 0:
            self.emptied()
        elif self.rest is not None:
            del self.rest[1 if keep > size_of(self.head) - self.sent else 0 :]
        self.waiting = keep

    cpdef extra(self, str what):
        cdef everywire_peer own
        if what == "ground":
            return self
        if what == "peername" and self.peer.family != sockets.AF_UNIX:
            return address_of(&self.peer)
        if what == "ssl_object" or self.fd < 0:
            return None
        if what == "fd":
            return self.fd
        if what == "sockname" and self.peer.family != sockets.AF_UNIX:
            memset(&own, 0, sizeof(own))
            everywire_own(self.fd, &own)
            return address_of(&own)
        try:
            with sockets.socket(fileno=os.dup(self.fd)) as twin:
                if what == "peername":
                    return twin.getpeername()
                if what == "sockname":
                    return twin.getsockname()
        except OSError:  # it is gone, or there are no descriptors left
            pass
        return None

    cpdef sweep(self, double now):
        if self.finishing:
            if now > self.deadline + (0 if self.half else (STALLED - 1) * self.fin_timeout):
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
                size = send(self.fd, data_of(self.head) + self.sent, size_of(self.head) - self.sent, MSG_NOSIGNAL | MSG_DONTWAIT)
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
        if self.crowded and self.queued() <= self.mark_low:
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
        cdef object piece
        pieces[0].iov_base = data_of(self.head) + self.sent
        pieces[0].iov_len = size_of(self.head) - self.sent
        for i in range(most):
            piece = self.rest[i]
            pieces[count].iov_base = data_of(piece)
            pieces[count].iov_len = size_of(piece)
            count += 1
        memset(&message, 0, sizeof(message))
        message.msg_iov = pieces
        message.msg_iovlen = count
        return sendmsg(self.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)

    cdef int consume(self, ssize_t size) except -1:
        """Take `size` bytes off the queue."""
        cdef Py_ssize_t left = size_of(self.head) - self.sent
        cdef Py_ssize_t i = 0, count
        self.waiting -= size
        if self.finishing:
            self.deadline = everywire_now() + self.fin_timeout  # it goes on, slowly
        self.gone += size
        if size < left:
            self.sent += size
            return 0
        size -= left
        self.sent = 0
        if self.rest is None:
            return self.emptied()
        count = PyList_GET_SIZE(self.rest)
        while i < count and size >= size_of(self.rest[i]):
            size -= size_of(self.rest[i])
            i += 1
        if i == count:
            return self.emptied()
        self.head = self.rest[i]
        self.sent = size
        del self.rest[: i + 1]
        return 0

    cdef int emptied(self) except -1:
        """Be without anything queued."""
        self.head = None
        self.rest = None
        self.pairs = None
        self.sent = 0
        self.gone = 0
        return 0


@cython.final
cdef class Listener(Watched):
    """A listening socket: each connection gets the storey that `factory()` makes."""

    cdef object sock
    cdef object factory
    cdef float fin_timeout
    cdef double told

    def __init__(self, Engine engine, sock, factory, float fin_timeout):
        self.engine = engine
        self.sock = sock
        self.fd = sock.fileno()
        self.factory = factory
        self.fin_timeout = fin_timeout
        if sock.family in (sockets.AF_INET, sockets.AF_INET6):
            everywire_nodelay(self.fd)  # what is accepted inherits it

    cdef int ready(self, uint32_t events) except -1:
        cdef int fd, i
        cdef Socket peer
        cdef everywire_peer address
        for i in range(ACCEPTS):
            if self.sock is None:
                return 0
            memset(&address, 0, sizeof(address))
            fd = everywire_accept(self.fd, &address)
            if fd < 0:
                return self.cannot(c_errno)
            peer = Socket(self.engine, fd, self.fin_timeout)
            peer.peer = address
            try:
                self.engine.add(peer, EPOLLIN | EPOLLRDHUP)
            except OSError as error:
                c_close(fd)
                return self.cannot(error.errno)
            try:
                peer.put(self.factory())
            except Exception:
                log.exception("a new connection could not be set up")
                peer.abort()
        return 0

    cdef int cannot(self, int error) except -1:
        if error in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
            if not self.told or everywire_now() > self.told + COMPLAINT:
                self.told = everywire_now()
                log.error("cannot accept connections: %s; trying again every 0.1 s", os.strerror(error))
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
