from cpython.object cimport PyObject

cdef extern from "drive.h":
    ctypedef PyObject* (*everywire_poll)(PyObject* self)
    void everywire_fast_inbox(object type, everywire_poll poll)
    void everywire_fast_ready(object type)
    int everywire_raise_pending() except -1

cdef extern from "Python.h":
    ctypedef enum PySendResult:
        PYGEN_RETURN
        PYGEN_ERROR
        PYGEN_NEXT
    PySendResult PyIter_Send(object iterator, object value, PyObject** result)
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
