# What the reactor asks of the operating system.

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
    #include <arpa/inet.h>
    #include <string.h>
    #include <time.h>
    #include <malloc.h>
    /* glibc gives freed memory back to the kernel from 128 kB on and faults it in again a moment later: a third of the cost of a 64 kB message. */
    static void everywire_keep_memory(void) {
    #ifdef __GLIBC__
        mallopt(M_TRIM_THRESHOLD, 16 << 20);
        mallopt(M_MMAP_THRESHOLD, 1 << 20);
    #endif
    }
    /* A peer's IP address: the kernel forgets it when the connection ends, the log is written after that. */
    typedef struct { unsigned short family, port; unsigned int scope; unsigned char address[16]; } everywire_peer;
    static void everywire_note(everywire_peer* peer, const struct sockaddr_storage* from) {
        if (from->ss_family == AF_INET) {
            const struct sockaddr_in* in = (const struct sockaddr_in*) from;
            peer->port = ntohs(in->sin_port);
            memcpy(peer->address, &in->sin_addr, 4);
        } else if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6* in = (const struct sockaddr_in6*) from;
            peer->port = ntohs(in->sin6_port);
            peer->scope = in->sin6_scope_id;
            memcpy(peer->address, &in->sin6_addr, 16);
        }
        peer->family = from->ss_family;
    }
    static int everywire_accept(int fd, everywire_peer* peer) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        int found = accept4(fd, (struct sockaddr*) &from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (found >= 0 && size >= sizeof(sa_family_t)) everywire_note(peer, &from);
        return found;
    }
    static void everywire_ask(int fd, everywire_peer* peer) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        if (getpeername(fd, (struct sockaddr*) &from, &size) == 0 && size >= sizeof(sa_family_t)) everywire_note(peer, &from);
    }
    static void everywire_own(int fd, everywire_peer* own) {
        struct sockaddr_storage name;
        socklen_t size = sizeof name;
        if (getsockname(fd, (struct sockaddr*) &name, &size) == 0 && size >= sizeof(sa_family_t)) everywire_note(own, &name);
    }
    static void everywire_nodelay(int fd) { int on = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); }
    static double everywire_now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
    """
    void everywire_keep_memory() nogil
    ctypedef struct everywire_peer:
        unsigned short family, port
        unsigned int scope
        unsigned char* address
    int everywire_accept(int fd, everywire_peer* peer) nogil
    void everywire_ask(int fd, everywire_peer* peer) nogil
    void everywire_own(int fd, everywire_peer* own) nogil
    void everywire_nodelay(int fd) nogil
    double everywire_now() nogil

cdef extern from "unistd.h" nogil:
    int c_close "close"(int fd)

cdef extern from *:
    """
    static int everywire_lowest_bit(uint64_t bits) { return __builtin_ctzll(bits); }
    """
    int lowest_bit "everywire_lowest_bit"(uint64_t bits) nogil
