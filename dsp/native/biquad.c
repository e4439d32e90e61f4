/* The object BiquadCascade: coefficients checked, state kept; biquad_run.c filters. */
#include "biquad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SECTIONS = 256,
    GIL_SAMPLES = 16384, /* fewer samples times sections take less time than getting the GIL back may */
};

typedef struct {
    PyObject_HEAD
    Group *groups;
    Py_ssize_t group_count;
    Py_ssize_t sections;
    int wavefront; /* whether the vector path may be used */
    int busy;      /* read and written with the GIL held only */
} Cascade;

/* Checks row *i* of *sos* and divides it by a0. */
static int normalise(const double *row, Py_ssize_t i, double *out)
{
    for (int j = 0; j < 6; j++)
        if (!isfinite(row[j])) {
            PyErr_Format(PyExc_ValueError, "section %zd has a coefficient that is not finite", i);
            return -1;
        }
    if (row[3] == 0.0) {
        PyErr_Format(PyExc_ValueError, "section %zd has a0 = 0", i);
        return -1;
    }
    for (int j = 0; j < 6; j++) {
        out[j] = row[j] / row[3];
        if (!isfinite(out[j])) {
            PyErr_Format(PyExc_ValueError, "section %zd overflows when divided by its a0", i);
            return -1;
        }
    }
    /* Both poles within the unit circle: the stability triangle. */
    if (!(fabs(out[5]) < 1.0 && fabs(out[4]) < 1.0 + out[5])) {
        PyErr_Format(PyExc_ValueError, "section %zd is unstable: a pole is not inside the unit circle", i);
        return -1;
    }
    return 0;
}

/* Reads *sos* into new groups with zero state; NULL with an exception set if it is none. */
static Group *read_sections(PyObject *sos, Py_ssize_t *sections, Py_ssize_t *group_count)
{
    Py_buffer view;
    if (get_items(sos, &view, 'd', 0, "sos") < 0)
        return NULL;
    Group *groups = NULL;
    if (view.ndim != 2 || view.shape[1] != 6 || view.shape[0] < 1 || view.shape[0] > MAX_SECTIONS) {
        PyErr_Format(PyExc_ValueError, "sos must have shape (n, 6) with n from 1 to %d", MAX_SECTIONS);
        goto done;
    }
    *sections = view.shape[0];
    *group_count = (*sections + MAX_LANES - 1) / MAX_LANES;
    groups = calloc((size_t)*group_count, sizeof *groups);
    if (groups == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < *group_count * MAX_LANES; i++) {
        double row[6] = {1.0, 0.0, 0.0, 1.0, 0.0, 0.0};
        Group *group = &groups[i / MAX_LANES];
        const int k = (int)(i % MAX_LANES);
        if (i < *sections) {
            if (normalise((const double *)view.buf + 6 * i, i, row) < 0) {
                free(groups);
                groups = NULL;
                goto done;
            }
            group->sections = k + 1;
        }
        group->b0[k] = row[0];
        group->b1[k] = row[1];
        group->b2[k] = row[2];
        group->a1[k] = row[4];
        group->a2[k] = row[5];
    }
done:
    PyBuffer_Release(&view);
    return groups;
}

static int refuse_busy(const Cascade *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this BiquadCascade is processing in another thread");
    return -1;
}

static PyObject *cascade_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sos", "simd", NULL};
    PyObject *sos;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$p:BiquadCascade", names, &sos, &simd))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Cascade *self = (Cascade *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->groups = read_sections(sos, &self->sections, &self->group_count);
    self->wavefront = simd && cpu_has_wavefront();
    if (self->groups == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void cascade_dealloc(Cascade *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->groups);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *cascade_process(Cascade *self, PyObject *block)
{
    Py_buffer view;
    if (get_items(block, &view, 'f', 1, "block") < 0)
        return NULL;
    if (refuse_busy(self) < 0) {
        PyBuffer_Release(&view);
        return NULL;
    }
    const Py_ssize_t n = view.len / (Py_ssize_t)sizeof(float);
    if (n < GIL_SAMPLES / self->sections) {
        run_groups(self->groups, self->group_count, self->wavefront, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        run_groups(self->groups, self->group_count, self->wavefront, view.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *cascade_reset(Cascade *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < self->group_count; i++) {
        memset(self->groups[i].s1, 0, sizeof self->groups[i].s1);
        memset(self->groups[i].s2, 0, sizeof self->groups[i].s2);
    }
    Py_RETURN_NONE;
}

static PyObject *cascade_set(Cascade *self, PyObject *sos)
{
    Py_ssize_t sections, group_count;
    Group *groups = read_sections(sos, &sections, &group_count);
    if (groups == NULL)
        return NULL;
    /* Reading may have run Python code, so look only now whether another thread is inside. */
    if (refuse_busy(self) < 0) {
        free(groups);
        return NULL;
    }
    if (sections != self->sections) {
        free(groups);
        return PyErr_Format(PyExc_ValueError, "sos must have %zd sections as before, got %zd",
                            self->sections, sections);
    }
    for (Py_ssize_t i = 0; i < group_count; i++) {
        memcpy(groups[i].s1, self->groups[i].s1, sizeof groups[i].s1);
        memcpy(groups[i].s2, self->groups[i].s2, sizeof groups[i].s2);
    }
    free(self->groups);
    self->groups = groups;
    Py_RETURN_NONE;
}

static PyObject *cascade_sections(Cascade *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(self->sections);
}

static PyObject *cascade_path(Cascade *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(self->wavefront ? "avx2" : "scalar");
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)cascade_process, METH_O, "Filter a float32 block in place."},
    {"reset", (PyCFunction)cascade_reset, METH_NOARGS, "Forget the past."},
    {"set", (PyCFunction)cascade_set, METH_O, "Take other coefficients, keep the state."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"sections", (getter)cascade_sections, NULL, "Number of sections.", NULL},
    {"path", (getter)cascade_path, NULL, "Code path in use: 'avx2' or 'scalar'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Cascade of biquads over float32 blocks, float64 inside; sos as in scipy.signal."},
    {Py_tp_new, (void *)cascade_new},
    {Py_tp_dealloc, (void *)cascade_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.BiquadCascade",
    .basicsize = sizeof(Cascade),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_biquad(PyObject *module)
{
    return add_type(module, &spec);
}
