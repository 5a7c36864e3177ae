from everywire.hub.attachment cimport Attachment
cimport cython

cdef class Strand:
    cdef Bundle _bundle
    cdef public Attachment attachment

    cpdef send(self, payloads)

cdef class Bundle:
    cdef object _hub
    cdef object _part
    cdef object _most
    cdef tuple _strands
    cdef unsigned char _connected
    cdef readonly Attachment base

    @cython.locals(attachment=Attachment)
    cpdef strand(self, codec)
