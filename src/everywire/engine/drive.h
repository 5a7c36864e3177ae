/* Awaitables that answer without an exception: the am_send slot, which Cython does not offer. */
#ifndef EVERYWIRE_DRIVE_H
#define EVERYWIRE_DRIVE_H

#include <Python.h>

/* A poll function gives the result, NULL with an exception set, or the object itself for "not yet". */
typedef PyObject *(*everywire_poll)(PyObject *self);

static everywire_poll everywire_poll_inbox;

static PySendResult everywire_answer(PyObject *self, PyObject *answer, PyObject **result) {
    *result = answer;
    if (answer == NULL) return PYGEN_ERROR;
    return answer == self ? PYGEN_NEXT : PYGEN_RETURN;
}

static PySendResult everywire_inbox_send(PyObject *self, PyObject *value, PyObject **result) {
    (void)value;
    return everywire_answer(self, everywire_poll_inbox(self), result);
}

static PySendResult everywire_ready_send(PyObject *self, PyObject *value, PyObject **result) {
    (void)value;
    (void)self;
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

static void everywire_give_send(PyTypeObject *type, sendfunc send) {
    if (type->tp_as_async == NULL) return;
    type->tp_as_async->am_send = send;
    type->tp_flags |= 1UL << 21; /* Py_TPFLAGS_HAVE_AM_SEND, spelt differently from version to version */
    PyType_Modified(type);
}

static void everywire_fast_inbox(PyObject *type, everywire_poll poll) {
    everywire_poll_inbox = poll;
    everywire_give_send((PyTypeObject *)type, everywire_inbox_send);
}

static void everywire_fast_ready(PyObject *type) {
    everywire_give_send((PyTypeObject *)type, everywire_ready_send);
}

/* Declared to fail, so that the exception which C left pending can be caught. */
static int everywire_raise_pending(void) {
    return -1;
}

#endif
