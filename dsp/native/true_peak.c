/* TruePeak: the largest magnitude between samples, by interpolation (ITU-R BS.1770-5 Annex 2).
 *
 * The interpolator comes as `phases - 1` rows of taps, an even number in each; the phase that is the samples
 * themselves is not computed. Sums run over taps outside and samples inside, so that a compiler makes vectors
 * of them. Blocks of any length give the same values to the rounding of float.
 */
#include "native.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CHANNELS = 64,
    MAX_TAPS = 128,
    MAX_ROWS = 16,
    CHUNK = 256,
    GIL_SAMPLES = 2048,
};

typedef struct {
    PyObject_HEAD
    float *taps; /* rows of taps, each reversed: the oldest sample's tap first */
    float *past; /* per channel the newest taps - 1 samples */
    Py_ssize_t rows, length, channels;
    float peak;
    int busy; /* read and written with the GIL held only */
} TruePeak;

static void run_chunk(TruePeak *t, float *line, Py_ssize_t n, float *most)
{
    float sum[CHUNK];
    const float *middle = line + t->length / 2 - 1; /* the sample the interpolated ones follow */
    for (Py_ssize_t i = 0; i < n; i++) {
        const float a = fabsf(middle[i]);
        most[i] = a > most[i] ? a : most[i];
    }
    for (Py_ssize_t r = 0; r < t->rows; r++) {
        const float *taps = t->taps + r * t->length;
        memset(sum, 0, sizeof sum);
        for (Py_ssize_t k = 0; k < t->length; k++) {
            const float h = taps[k];
            const float *x = line + k;
            for (Py_ssize_t i = 0; i < n; i++)
                sum[i] += h * x[i];
        }
        for (Py_ssize_t i = 0; i < n; i++) {
            const float a = fabsf(sum[i]);
            most[i] = a > most[i] ? a : most[i];
        }
    }
}

static void run(TruePeak *t, const float *block, Py_ssize_t n, float *out)
{
    float line[MAX_TAPS + CHUNK], most[CHUNK];
    const Py_ssize_t keep = t->length - 1;
    const unsigned long long unit = flush_subnormals();
    for (Py_ssize_t at = 0; at < n; at += CHUNK) {
        const Py_ssize_t count = n - at < CHUNK ? n - at : CHUNK;
        memset(most, 0, sizeof most);
        for (Py_ssize_t c = 0; c < t->channels; c++) {
            float *past = t->past + c * keep;
            memcpy(line, past, (size_t)keep * sizeof *line);
            for (Py_ssize_t i = 0; i < count; i++) {
                const float x = block[c * n + at + i];
                line[keep + i] = fabsf(x) <= FLT_MAX / 16 ? x : 0.0f;
            }
            run_chunk(t, line, count, most);
            memcpy(past, line + count, (size_t)keep * sizeof *line);
        }
        for (Py_ssize_t i = 0; i < count; i++)
            t->peak = most[i] > t->peak ? most[i] : t->peak;
        if (out != NULL)
            memcpy(out + at, most, (size_t)count * sizeof *out);
    }
    restore_subnormals(unit);
}

static PyObject *peak_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"taps", "channels", NULL};
    PyObject *taps;
    Py_ssize_t channels = 1;
    Py_buffer view;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:TruePeak", names, &taps, &channels))
        return NULL;
    if (channels < 1 || channels > MAX_CHANNELS)
        return PyErr_Format(PyExc_ValueError, "channels must be 1 to %d, got %zd", MAX_CHANNELS, channels);
    if (get_items(taps, &view, 'f', 0, "taps") < 0)
        return NULL;
    TruePeak *self = NULL;
    if (view.ndim != 2 || view.shape[0] < 1 || view.shape[0] > MAX_ROWS || view.shape[1] < 2 ||
        view.shape[1] > MAX_TAPS || view.shape[1] % 2 != 0) {
        PyErr_Format(PyExc_ValueError, "taps must have shape (1 to %d, even number to %d)", MAX_ROWS, MAX_TAPS);
        goto done;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    self = (TruePeak *)allocate(type, 0);
    if (self == NULL)
        goto done;
    self->rows = view.shape[0];
    self->length = view.shape[1];
    self->channels = channels;
    self->taps = malloc((size_t)(self->rows * self->length) * sizeof *self->taps);
    self->past = calloc((size_t)(channels * self->length), sizeof *self->past);
    if (self->taps == NULL || self->past == NULL) {
        Py_DECREF(self);
        self = NULL;
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t r = 0; r < self->rows; r++)
        for (Py_ssize_t k = 0; k < self->length; k++)
            self->taps[r * self->length + k] =
                ((const float *)view.buf)[r * self->length + self->length - 1 - k];
done:
    PyBuffer_Release(&view);
    return (PyObject *)self;
}

static void peak_dealloc(TruePeak *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->taps);
    free(self->past);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_busy(const TruePeak *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this TruePeak is processing in another thread");
    return -1;
}

static PyObject *peak_process(TruePeak *self, PyObject *args)
{
    PyObject *block, *out = Py_None, *result = NULL;
    Py_buffer from, to;
    const int wanted = PyTuple_Size(args) > 1;
    if (!PyArg_ParseTuple(args, "O|O:process", &block, &out) || get_items(block, &from, 'f', 0, "block") < 0)
        return NULL;
    if (wanted && get_items(out, &to, 'f', 1, "out") < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    const Py_ssize_t n = from.len / (Py_ssize_t)sizeof(float) / self->channels;
    if (from.len != n * self->channels * (Py_ssize_t)sizeof(float)) {
        PyErr_Format(PyExc_ValueError, "block must hold %zd channels of one length", self->channels);
        goto done;
    }
    if (wanted && to.len != n * (Py_ssize_t)sizeof(float)) {
        PyErr_Format(PyExc_ValueError, "out must hold %zd samples", n);
        goto done;
    }
    if (refuse_busy(self) < 0)
        goto done;
    if (n * self->channels < GIL_SAMPLES) {
        run(self, from.buf, n, wanted ? to.buf : NULL);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        run(self, from.buf, n, wanted ? to.buf : NULL);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&from);
    if (wanted)
        PyBuffer_Release(&to);
    return result;
}

static PyObject *peak_reset(TruePeak *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    memset(self->past, 0, (size_t)(self->channels * (self->length - 1)) * sizeof *self->past);
    self->peak = 0.0f;
    Py_RETURN_NONE;
}

static PyObject *peak_adopt(TruePeak *self, PyObject *other)
{
    if (Py_TYPE(other) != Py_TYPE((PyObject *)self)) {
        PyErr_SetString(PyExc_TypeError, "a TruePeak adopts from a TruePeak");
        return NULL;
    }
    const TruePeak *from = (const TruePeak *)other;
    if (refuse_busy(self) < 0 || refuse_busy(from) < 0)
        return NULL;
    if (from->channels != self->channels || from->length != self->length) {
        PyErr_SetString(PyExc_ValueError, "a TruePeak adopts from one of as many channels and taps");
        return NULL;
    }
    memcpy(self->past, from->past, (size_t)(self->channels * (self->length - 1)) * sizeof *self->past);
    self->peak = from->peak;
    Py_RETURN_NONE;
}

static PyObject *peak_peak(TruePeak *self, void *unused)
{
    (void)unused;
    return PyFloat_FromDouble(self->peak);
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)peak_process, METH_VARARGS, "Measure a block; write the peaks into out."},
    {"reset", (PyCFunction)peak_reset, METH_NOARGS, "Forget the past."},
    {"adopt", (PyCFunction)peak_adopt, METH_O, "Take the state of another."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"peak", (getter)peak_peak, NULL, "Largest magnitude so far.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Largest magnitude between samples."},
    {Py_tp_new, (void *)peak_new},
    {Py_tp_dealloc, (void *)peak_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.TruePeak",
    .basicsize = sizeof(TruePeak),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_true_peak(PyObject *module)
{
    return add_type(module, &spec);
}
