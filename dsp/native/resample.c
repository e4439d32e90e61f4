/* Streaming polyphase FIR resampler: the rate changes by up/down, float32.
 *
 * The prototype low-pass runs at *up* times the input rate. Output m lies at position m * down there; of the
 * prototype only every up-th tap meets an input sample, so there are *up* short filters (phases), and
 *
 *     y[m] = sum_j phase[(m down) mod up][j] x[(m down) div up - j]
 *
 * (R. E. Crochiere and L. R. Rabiner, Multirate Digital Signal Processing, 1983, section 3.3). Rows are kept in
 * reversed order of j, so that an output is the scalar product of a row with a window of the input. An output
 * is made as soon as its newest input sample is there, and depends on nothing but its window: blocks of any
 * length give the same samples. */
#include "native.h"
#include "vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES = 16, /* partial sums of a scalar product; rows are filled up with zeros to a multiple */
    CHUNK = 2048,
    GIL_PRODUCTS = 1 << 18,
    MAX_TABLE = 1 << 26,
};

typedef struct {
    PyObject_HEAD
    float *rows;     /* up rows of width taps */
    float *window;   /* width - 1 samples of the past, then a chunk */
    int64_t up, down, width;
    int64_t wait;    /* input samples before the newest one of the next output */
    int64_t phase;   /* row of the next output */
    int busy, vector;
} Resampler;

VECTOR_BODY static inline float product_body(const float *RESTRICT x, const float *RESTRICT row, int64_t width)
{
    float sums[LANES] = {0};
    for (int64_t i = 0; i < width; i += LANES)
        for (int j = 0; j < LANES; j++)
            sums[j] += x[i + j] * row[i + j];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            sums[j] += sums[j + half];
    return sums[0];
}

/* Outputs whose newest sample is among the *count* new ones in the window. Returns where to write on. */
VECTOR_BODY static inline float *run_body(Resampler *self, int64_t count, float *out)
{
    const int64_t width = self->width, up = self->up;
    const int64_t step = self->down / up, phase_step = self->down % up;
    int64_t at = self->wait, phase = self->phase;
    while (at < count) {
        *out++ = product_body(self->window + at, self->rows + phase * width, width);
        at += step;
        phase += phase_step;
        if (phase >= up) {
            phase -= up;
            at++;
        }
    }
    self->wait = at - count;
    self->phase = phase;
    return out;
}

static float *run_plain(Resampler *self, int64_t count, float *out)
{
    return run_body(self, count, out);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static float *run_vector(Resampler *self, int64_t count, float *out)
{
    return run_body(self, count, out);
}
#else
#define run_vector run_plain
#endif

static void run(Resampler *self, const float *in, int64_t n, float *out)
{
    const unsigned long long state = flush_subnormals();
    const int64_t past = self->width - 1;
    while (n > 0) {
        const int64_t count = n < CHUNK ? n : CHUNK;
        memcpy(self->window + past, in, (size_t)count * sizeof *in);
        out = self->vector ? run_vector(self, count, out) : run_plain(self, count, out);
        memmove(self->window, self->window + count, (size_t)past * sizeof *in);
        in += count;
        n -= count;
    }
    restore_subnormals(state);
}

/* How many outputs *n* more input samples make. */
static int64_t outputs(const Resampler *self, int64_t n)
{
    if (n <= self->wait)
        return 0;
    return ((n - self->wait) * self->up - self->phase + self->down - 1) / self->down;
}

static void clear(Resampler *self)
{
    memset(self->window, 0, (size_t)(self->width - 1 + CHUNK) * sizeof *self->window);
    self->wait = self->phase = 0;
}

/* Copies the table, each row turned round and filled up in front. Returns 0, or -1 with an exception set. */
static int take_rows(Resampler *self, PyObject *phases)
{
    Py_buffer view;
    if (get_items(phases, &view, 'f', 0, "phases") < 0)
        return -1;
    int failed = -1;
    if (view.ndim != 2 || view.shape[0] < 1 || view.shape[1] < 1 || view.shape[1] > MAX_TABLE / view.shape[0]) {
        PyErr_SetString(PyExc_ValueError, "phases must have shape (phases, taps), at least one and at most 2^26 in all");
        goto done;
    }
    const int64_t taps = view.shape[1];
    self->up = view.shape[0];
    self->width = (taps + LANES - 1) / LANES * LANES;
    self->rows = calloc((size_t)(self->up * self->width), sizeof *self->rows);
    self->window = malloc((size_t)(self->width - 1 + CHUNK) * sizeof *self->window);
    if (self->rows == NULL || self->window == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (int64_t p = 0; p < self->up; p++) {
        const float *from = (const float *)view.buf + p * taps;
        float *to = self->rows + (p + 1) * self->width - 1;
        for (int64_t j = 0; j < taps; j++)
            to[-j] = from[j];
    }
    failed = 0;
done:
    PyBuffer_Release(&view);
    return failed;
}

static PyObject *resampler_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"phases", "down", "simd", NULL};
    PyObject *phases;
    long long down;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OL|$p:PolyphaseResampler", names, &phases, &down, &simd))
        return NULL;
    if (down < 1 || down > MAX_TABLE)
        return PyErr_Format(PyExc_ValueError, "down must be 1 to %d, got %lld", MAX_TABLE, down);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Resampler *self = (Resampler *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->down = down;
    self->vector = simd && cpu_has_vector_target();
    if (take_rows(self, phases) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    clear(self);
    return (PyObject *)self;
}

static void resampler_dealloc(Resampler *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->rows);
    free(self->window);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_busy(const Resampler *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this PolyphaseResampler is processing in another thread");
    return -1;
}

static PyObject *resampler_process(Resampler *self, PyObject *args)
{
    PyObject *block, *out;
    Py_buffer in, made;
    if (!PyArg_ParseTuple(args, "OO:process", &block, &out) || get_items(block, &in, 'f', 0, "block") < 0)
        return NULL;
    if (get_items(out, &made, 'f', 1, "out") < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    PyObject *result = NULL;
    if (refuse_busy(self) < 0) /* getting the buffers may have run Python code, so look only now */
        goto done;
    const int64_t n = in.len / (Py_ssize_t)sizeof(float), room = made.len / (Py_ssize_t)sizeof(float);
    const int64_t count = outputs(self, n);
    if (in.ndim != 1 || made.ndim != 1 || room != count) {
        PyErr_Format(PyExc_ValueError, "block and out must have one dimension and out %lld samples, got %lld",
                     (long long)count, (long long)room);
        goto done;
    }
    if (count * self->width < GIL_PRODUCTS) { /* shorter work than handing the lock over and back */
        run(self, in.buf, n, made.buf);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        run(self, in.buf, n, made.buf);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&in);
    PyBuffer_Release(&made);
    return result;
}

static PyObject *resampler_output_samples(Resampler *self, PyObject *count)
{
    const long long n = PyLong_AsLongLong(count);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    if (n < 0 || n > (1ll << 36))
        return PyErr_Format(PyExc_ValueError, "count must be 0 to 2^36, got %lld", n);
    return PyLong_FromLongLong(outputs(self, n));
}

static PyObject *resampler_reset(Resampler *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    clear(self);
    Py_RETURN_NONE;
}

static PyObject *resampler_path(Resampler *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(self->vector ? "avx2" : "scalar");
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)resampler_process, METH_VARARGS, "Fill the second buffer from the first."},
    {"output_samples", (PyCFunction)resampler_output_samples, METH_O, "Samples that a block of so many makes."},
    {"reset", (PyCFunction)resampler_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"path", (getter)resampler_path, NULL, "Code path in use: 'avx2' or 'scalar'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Polyphase FIR resampler over float32 blocks."},
    {Py_tp_new, (void *)resampler_new},
    {Py_tp_dealloc, (void *)resampler_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.PolyphaseResampler",
    .basicsize = sizeof(Resampler),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_resample(PyObject *module)
{
    return add_type(module, &spec);
}
