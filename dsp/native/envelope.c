/* Envelope: per channel the branching one-pole smoother of Giannoulis, Massberg and Reiss (JAES 60(6), 2012,
 * eq. 16) with a hold between its two branches:
 *
 *     x >= y:          y = x + a (y - x), the hold starts anew       a = exp(-1 / attack)
 *     x < y, holding:  y stays
 *     x < y:           y = x + r (y - x)                             r = exp(-1 / release)
 */
#include "native.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    MAX_CHANNELS = 64,
    GIL_SAMPLES = 16384, /* fewer take less time than getting the GIL back may */
};

typedef struct {
    double value;
    Py_ssize_t holding;
} Follower;

typedef struct {
    PyObject_HEAD
    Follower state[MAX_CHANNELS];
    double attack, release; /* the poles a and r */
    Py_ssize_t hold;
    Py_ssize_t channels;
    int square;
    int busy; /* read and written with the GIL held only */
} Envelope;

static int refuse_busy(const Envelope *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this Envelope is processing in another thread");
    return -1;
}

static int check_time(double samples, const char *name)
{
    if (samples >= 0.0 && samples <= 1e12)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s must be 0 to 1e12 samples", name);
    return -1;
}

static double pole_of(double samples)
{
    return samples > 0.0 ? exp(-1.0 / samples) : 0.0;
}

static inline double follow_one(Follower *f, const Envelope *e, double x)
{
    double y = f->value;
    if (x >= y) {
        y = x + e->attack * (y - x);
        f->holding = e->hold;
    } else if (f->holding > 0) {
        f->holding--;
    } else {
        y = x + e->release * (y - x);
    }
    f->value = y;
    return y;
}

static double finite_or_zero(float x)
{
    return fabsf(x) <= FLT_MAX ? (double)x : 0.0;
}

static float as_float(double y)
{
    return (float)(y > FLT_MAX ? FLT_MAX : y < -FLT_MAX ? -FLT_MAX : y);
}

/* out may be x itself. */
static void smooth_run(Envelope *e, const float *x, float *out, Py_ssize_t n)
{
    const unsigned long long unit = flush_subnormals();
    for (Py_ssize_t i = 0; i < n; i++)
        out[i] = as_float(follow_one(&e->state[0], e, finite_or_zero(x[i])));
    restore_subnormals(unit);
}

static void follow_run(Envelope *e, const float *block, float *out, Py_ssize_t n)
{
    const unsigned long long unit = flush_subnormals();
    for (Py_ssize_t c = 0; c < e->channels; c++) {
        const float *x = block + c * n;
        Follower *f = &e->state[c];
        for (Py_ssize_t i = 0; i < n; i++) {
            const double in = finite_or_zero(x[i]);
            const float y = as_float(follow_one(f, e, e->square ? in * in : fabs(in)));
            if (c == 0 || y > out[i])
                out[i] = y;
        }
    }
    restore_subnormals(unit);
}

static PyObject *envelope_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"attack", "release", "hold", "channels", "square", NULL};
    double attack, release;
    Py_ssize_t hold = 0, channels = 1;
    int square = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "dd|$nnp:Envelope", names, &attack, &release, &hold,
                                     &channels, &square))
        return NULL;
    if (check_time(attack, "attack") < 0 || check_time(release, "release") < 0)
        return NULL;
    if (hold < 0) {
        PyErr_SetString(PyExc_ValueError, "hold must be 0 samples or more");
        return NULL;
    }
    if (channels < 1 || channels > MAX_CHANNELS)
        return PyErr_Format(PyExc_ValueError, "channels must be 1 to %d, got %zd", MAX_CHANNELS, channels);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Envelope *self = (Envelope *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->attack = pole_of(attack);
    self->release = pole_of(release);
    self->hold = hold;
    self->channels = channels;
    self->square = square;
    return (PyObject *)self;
}

static void envelope_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *envelope_smooth(Envelope *self, PyObject *values)
{
    Py_buffer view;
    if (get_items(values, &view, 'f', 1, "values") < 0)
        return NULL;
    PyObject *result = NULL;
    const Py_ssize_t n = view.len / (Py_ssize_t)sizeof(float);
    if (refuse_busy(self) < 0)
        goto done;
    if (self->channels != 1) {
        PyErr_SetString(PyExc_ValueError, "smooth wants an Envelope of one channel");
        goto done;
    }
    if (n < GIL_SAMPLES) {
        smooth_run(self, view.buf, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        smooth_run(self, view.buf, view.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&view);
    return result;
}

static PyObject *envelope_follow(Envelope *self, PyObject *args)
{
    PyObject *block, *out, *result = NULL;
    Py_buffer from, to;
    if (!PyArg_ParseTuple(args, "OO:follow", &block, &out) || get_items(block, &from, 'f', 0, "block") < 0)
        return NULL;
    if (get_items(out, &to, 'f', 1, "out") < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    const Py_ssize_t n = to.len / (Py_ssize_t)sizeof(float);
    if (from.len != to.len * self->channels) {
        PyErr_Format(PyExc_ValueError, "block must hold %zd channels of %zd samples, as long as out",
                     self->channels, n);
        goto done;
    }
    if (refuse_busy(self) < 0)
        goto done;
    if (n * self->channels < GIL_SAMPLES) {
        follow_run(self, from.buf, to.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        follow_run(self, from.buf, to.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    return result;
}

static PyObject *envelope_reset(Envelope *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    memset(self->state, 0, sizeof self->state);
    Py_RETURN_NONE;
}

static PyObject *envelope_adopt(Envelope *self, PyObject *other)
{
    if (Py_TYPE(other) != Py_TYPE((PyObject *)self)) {
        PyErr_SetString(PyExc_TypeError, "an Envelope adopts from an Envelope");
        return NULL;
    }
    const Envelope *from = (const Envelope *)other;
    if (refuse_busy(self) < 0 || refuse_busy(from) < 0)
        return NULL;
    if (from->channels != self->channels || from->square != self->square) {
        PyErr_SetString(PyExc_ValueError, "an Envelope adopts from one of as many channels and the same measure");
        return NULL;
    }
    for (Py_ssize_t c = 0; c < self->channels; c++) {
        self->state[c].value = from->state[c].value;
        self->state[c].holding = from->state[c].holding < self->hold ? from->state[c].holding : self->hold;
    }
    Py_RETURN_NONE;
}

static PyObject *envelope_value(Envelope *self, void *unused)
{
    (void)unused;
    double loudest = self->state[0].value;
    for (Py_ssize_t c = 1; c < self->channels; c++)
        if (self->state[c].value > loudest)
            loudest = self->state[c].value;
    return PyFloat_FromDouble(loudest);
}

static PyMethodDef methods[] = {
    {"smooth", (PyCFunction)envelope_smooth, METH_O, "Smooth a run of values in place; one channel."},
    {"follow", (PyCFunction)envelope_follow, METH_VARARGS, "Write the envelope of a block into out."},
    {"reset", (PyCFunction)envelope_reset, METH_NOARGS, "Forget the past."},
    {"adopt", (PyCFunction)envelope_adopt, METH_O, "Take the state of another."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"value", (getter)envelope_value, NULL, "The newest value.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Envelope follower with attack, hold and release."},
    {Py_tp_new, (void *)envelope_new},
    {Py_tp_dealloc, (void *)envelope_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.Envelope",
    .basicsize = sizeof(Envelope),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_envelope(PyObject *module)
{
    return add_type(module, &spec);
}
