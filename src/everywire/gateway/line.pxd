cimport cython

from everywire.hub.attachment cimport Attachment
from everywire.hub.bundle cimport Bundle

cdef class Line:
    cdef readonly object attachment
    cdef readonly object decoder

    cpdef receive(self, data)

cdef class BundledLine(Line):
    cdef object _hub
    cdef readonly Bundle bundle

    @cython.locals(base=Attachment)
    cpdef receive(self, data)
    @cython.locals(attachment=Attachment, base=Attachment)
    cdef _receive(self, codec, command)
