/* GainWindow: the gain of a limiter that looks ahead.
 *
 * Of the gains asked for, one per sample and 1 at most, it makes a gain that moves smoothly and is nowhere
 * above what is asked for. Three steps, each without drift:
 *
 *     the smallest of the newest `minimum` gains (monotonic queue: Lemire, Nordic J. Computing 13(4), 2006)
 *     down at once, up again with a one-pole of time constant `release`
 *     mean over `smooth` samples with a triangular window, made of two running sums of whole numbers
 *
 * With minimum = smooth + k the gain that comes out now is at most each of the k + 1 gains asked for
 * smooth - 1 to smooth + k - 1 samples ago: that is how much later the sound must come.
 */
#include "native.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_WINDOW = 65536, /* keeps the running sums below 2^62 */
    GIL_SAMPLES = 16384,
    ONE = 1 << 30,
};

typedef struct {
    uint64_t *ring;
    Py_ssize_t size, at;
    uint64_t sum;
} Sum;

typedef struct {
    float value;
    uint64_t when;
} Entry;

typedef struct {
    PyObject_HEAD
    Entry *queue; /* a ring of `minimum` entries, values rising from the head on */
    Py_ssize_t minimum, head, count;
    uint64_t now;
    double pole, held;
    Sum first, second;
    int busy; /* read and written with the GIL held only */
} Window;

static void fill(Window *w, double gain)
{
    w->head = w->count = 0;
    w->held = gain;
    const uint64_t one = (uint64_t)(gain * ONE);
    for (Py_ssize_t i = 0; i < w->first.size; i++)
        w->first.ring[i] = one;
    w->first.sum = one * (uint64_t)w->first.size;
    for (Py_ssize_t i = 0; i < w->second.size; i++)
        w->second.ring[i] = w->first.sum;
    w->second.sum = w->first.sum * (uint64_t)w->second.size;
    w->first.at = w->second.at = 0;
    w->now = 0;
}

static inline uint64_t push(Sum *s, uint64_t value)
{
    s->sum += value - s->ring[s->at];
    s->ring[s->at] = value;
    s->at = s->at + 1 == s->size ? 0 : s->at + 1;
    return s->sum;
}

static inline Py_ssize_t wrap(const Window *w, Py_ssize_t i)
{
    return i >= w->minimum ? i - w->minimum : i;
}

static inline float smallest(Window *w, float value)
{
    if (w->count > 0 && w->queue[w->head].when + (uint64_t)w->minimum <= w->now) {
        w->head = wrap(w, w->head + 1);
        w->count--;
    }
    while (w->count > 0 && w->queue[wrap(w, w->head + w->count - 1)].value >= value)
        w->count--;
    Entry *entry = &w->queue[wrap(w, w->head + w->count)];
    entry->value = value;
    entry->when = w->now++;
    w->count++;
    return w->queue[w->head].value;
}

static void window_run(Window *w, float *x, Py_ssize_t n)
{
    const unsigned long long unit = flush_subnormals();
    const double scale = 1.0 / ((double)ONE * (double)w->first.size * (double)w->second.size);
    for (Py_ssize_t i = 0; i < n; i++) {
        const float asked = x[i] >= 1.0f ? 1.0f : x[i] > 0.0f ? x[i] : 0.0f; /* a NaN asks for silence */
        const double low = smallest(w, asked);
        w->held = low <= w->held ? low : low + w->pole * (w->held - low);
        x[i] = (float)((double)push(&w->second, push(&w->first, (uint64_t)(w->held * ONE))) * scale);
    }
    restore_subnormals(unit);
}

static PyObject *window_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"minimum", "smooth", "release", NULL};
    Py_ssize_t minimum, smooth;
    double release;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nnd:GainWindow", names, &minimum, &smooth, &release))
        return NULL;
    if (smooth < 1 || minimum < smooth || minimum > MAX_WINDOW || !(release >= 0.0 && release <= 1e12))
        return PyErr_Format(PyExc_ValueError,
                            "a GainWindow wants 1 <= smooth <= minimum <= %d and release of 0 to 1e12 samples",
                            MAX_WINDOW);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Window *self = (Window *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->minimum = minimum;
    self->first.size = (smooth + 1) / 2;
    self->second.size = smooth + 1 - self->first.size;
    self->pole = release > 0.0 ? exp(-1.0 / release) : 0.0;
    self->queue = calloc((size_t)minimum, sizeof *self->queue);
    self->first.ring = calloc((size_t)self->first.size, sizeof *self->first.ring);
    self->second.ring = calloc((size_t)self->second.size, sizeof *self->second.ring);
    if (self->queue == NULL || self->first.ring == NULL || self->second.ring == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    fill(self, 1.0);
    return (PyObject *)self;
}

static void window_dealloc(Window *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->queue);
    free(self->first.ring);
    free(self->second.ring);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_busy(const Window *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this GainWindow is processing in another thread");
    return -1;
}

static PyObject *window_process(Window *self, PyObject *gains)
{
    Py_buffer view;
    if (get_items(gains, &view, 'f', 1, "gains") < 0)
        return NULL;
    if (refuse_busy(self) < 0) {
        PyBuffer_Release(&view);
        return NULL;
    }
    const Py_ssize_t n = view.len / (Py_ssize_t)sizeof(float);
    if (n < GIL_SAMPLES) {
        window_run(self, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        window_run(self, view.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *window_reset(Window *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    fill(self, 1.0);
    Py_RETURN_NONE;
}

static PyObject *window_adopt(Window *self, PyObject *other)
{
    if (Py_TYPE(other) != Py_TYPE((PyObject *)self)) {
        PyErr_SetString(PyExc_TypeError, "a GainWindow adopts from a GainWindow");
        return NULL;
    }
    const Window *from = (const Window *)other;
    if (refuse_busy(self) < 0 || refuse_busy(from) < 0)
        return NULL;
    if (from->minimum != self->minimum || from->first.size != self->first.size) {
        fill(self, from->held); /* of another length: it begins at the gain the other holds */
        Py_RETURN_NONE;
    }
    memcpy(self->queue, from->queue, (size_t)self->minimum * sizeof *self->queue);
    memcpy(self->first.ring, from->first.ring, (size_t)self->first.size * sizeof *self->first.ring);
    memcpy(self->second.ring, from->second.ring, (size_t)self->second.size * sizeof *self->second.ring);
    self->head = from->head;
    self->count = from->count;
    self->now = from->now;
    self->held = from->held;
    self->first.at = from->first.at;
    self->first.sum = from->first.sum;
    self->second.at = from->second.at;
    self->second.sum = from->second.sum;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)window_process, METH_O, "Turn gains asked for into gains, in place."},
    {"reset", (PyCFunction)window_reset, METH_NOARGS, "Forget the past: gain 1."},
    {"adopt", (PyCFunction)window_adopt, METH_O, "Take the state of another."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Smooth gain that is nowhere above what was asked for."},
    {Py_tp_new, (void *)window_new},
    {Py_tp_dealloc, (void *)window_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.GainWindow",
    .basicsize = sizeof(Window),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_lookahead(PyObject *module)
{
    return add_type(module, &spec);
}
