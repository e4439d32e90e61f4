/* GateSwitch: open or shut with hysteresis and hold, and a position from 0 (shut) to 1 (open) that moves at a
 * steady pace towards it.
 */
#include "native.h"

#include <float.h>

enum {
    GIL_SAMPLES = 16384, /* fewer take less time than getting the GIL back may */
};

typedef struct {
    PyObject_HEAD
    double rise, fall; /* of the position, per sample */
    double position;
    float open_at, shut_at;
    Py_ssize_t hold, holding;
    int open;
    int busy;
} Gate;

static void gate_run(Gate *g, float *x, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (x[i] >= g->open_at || (g->open && x[i] >= g->shut_at)) {
            g->open = 1;
            g->holding = g->hold;
        } else if (g->holding > 0) {
            g->holding--;
        } else {
            g->open = 0;
        }
        const double moved = g->open ? g->position + g->rise : g->position - g->fall;
        g->position = moved > 1.0 ? 1.0 : moved < 0.0 ? 0.0 : moved;
        x[i] = (float)g->position;
    }
}

static int check_time(double samples, const char *name)
{
    if (samples >= 0.0 && samples <= 1e12)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s must be 0 to 1e12 samples", name);
    return -1;
}

static int refuse_busy(const Gate *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this GateSwitch is processing in another thread");
    return -1;
}

static PyObject *gate_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"open_at", "shut_at", "attack", "hold", "release", NULL};
    double open_at, shut_at, attack, release;
    Py_ssize_t hold;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "dddnd:GateSwitch", names, &open_at, &shut_at, &attack, &hold,
                                     &release))
        return NULL;
    if (check_time(attack, "attack") < 0 || check_time(release, "release") < 0)
        return NULL;
    if (hold < 0 || !(shut_at >= 0.0 && shut_at <= open_at && open_at <= FLT_MAX)) {
        PyErr_SetString(PyExc_ValueError, "a gate wants hold >= 0 and 0 <= shut_at <= open_at");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Gate *self = (Gate *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->open_at = (float)open_at;
    self->shut_at = (float)shut_at;
    self->rise = 1.0 / (attack > 1.0 ? attack : 1.0);
    self->fall = 1.0 / (release > 1.0 ? release : 1.0);
    self->hold = hold;
    return (PyObject *)self;
}

static void gate_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *gate_process(Gate *self, PyObject *level)
{
    Py_buffer view;
    if (get_items(level, &view, 'f', 1, "level") < 0)
        return NULL;
    PyObject *result = NULL;
    const Py_ssize_t n = view.len / (Py_ssize_t)sizeof(float);
    if (refuse_busy(self) < 0)
        goto done;
    if (n < GIL_SAMPLES) {
        gate_run(self, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        gate_run(self, view.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&view);
    return result;
}

static PyObject *gate_reset(Gate *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    self->position = 0.0;
    self->holding = 0;
    self->open = 0;
    Py_RETURN_NONE;
}

static PyObject *gate_adopt(Gate *self, PyObject *other)
{
    if (Py_TYPE(other) != Py_TYPE((PyObject *)self)) {
        PyErr_SetString(PyExc_TypeError, "a GateSwitch adopts from a GateSwitch");
        return NULL;
    }
    const Gate *from = (const Gate *)other;
    if (refuse_busy(self) < 0 || refuse_busy(from) < 0)
        return NULL;
    self->position = from->position;
    self->open = from->open;
    self->holding = from->holding < self->hold ? from->holding : self->hold;
    Py_RETURN_NONE;
}

static PyObject *gate_open(Gate *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->open);
}

static PyObject *gate_position(Gate *self, void *unused)
{
    (void)unused;
    return PyFloat_FromDouble(self->position);
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)gate_process, METH_O, "Turn levels into positions, in place."},
    {"reset", (PyCFunction)gate_reset, METH_NOARGS, "Be shut."},
    {"adopt", (PyCFunction)gate_adopt, METH_O, "Take the state of another."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"open", (getter)gate_open, NULL, "Whether it is open or opening.", NULL},
    {"position", (getter)gate_position, NULL, "From 0, shut, to 1, open.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Switch with hysteresis and hold, and a position that follows it."},
    {Py_tp_new, (void *)gate_new},
    {Py_tp_dealloc, (void *)gate_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.GateSwitch",
    .basicsize = sizeof(Gate),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_gate(PyObject *module)
{
    return add_type(module, &spec);
}
