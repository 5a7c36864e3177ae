cimport cython

from everywire.http.request cimport Headers, Request

@cython.locals(made=dict, raw=str, query=str, path=str, headers=list, extensions=dict)
cpdef dict scope(Request request, kind, facts)
cdef str _decoded(str raw)
cdef object _address(found)
cdef object _server(found)
@cython.locals(headers=Headers)
cdef object _subprotocols(Request request)
