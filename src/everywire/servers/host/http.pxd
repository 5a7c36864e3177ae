cimport cython

from everywire.engine.drive cimport Driver
from everywire.http.request cimport Request
from everywire.servers.host.exchange cimport Exchange
from everywire.servers.host.heads cimport Common

cdef class HttpApp:
    cdef object _app
    cdef Common _common
    cdef object _loop
    cdef Driver _spare
    cdef readonly set tasks

    @cython.locals(exchange=Exchange)
    cpdef answer(self, Request request, dict scope)
    @cython.locals(driver=Driver)
    cdef object _run(self, Exchange exchange)
    cdef object _keep(self, task)
