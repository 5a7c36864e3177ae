cimport cython

from everywire.hub.attachment cimport Attachment
from everywire.hub.calling.handlers cimport Handler
from everywire.hub.calling.shapes cimport told

@cython.locals(handler=Handler, handlers=dict)
cdef bint _directly(hub, Attachment attachment, command) except -1
cdef bint _free(hub, Attachment attachment, command) except -1
cdef _made(hub, Attachment attachment, Handler handler, command)
