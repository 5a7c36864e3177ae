cimport cython

from everywire.hub.calling.shapes cimport Fields, Shape

cdef class Handler:
    cdef readonly object name
    cdef readonly object function
    cdef readonly object called
    cdef readonly object options
    cdef readonly object resolution
    cdef readonly object returns
    cdef readonly object fit
    cdef readonly object argument
    cdef readonly list inflows
    cdef readonly object streams
    cdef readonly object immediate
    cdef readonly object threaded
    cdef readonly object endless
    cdef readonly object detached
    cdef readonly object steadfast
    cdef readonly bint direct
    cdef readonly bint told
    cdef list _callers
    cdef list _members
    cdef list _inflows
    cdef object _rest
    cdef object _whole

    @cython.locals(bound=dict)
    cpdef dict bind(self, caller, data, streams, bint positional=*)
