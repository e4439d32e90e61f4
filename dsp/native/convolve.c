/* Convolution with a long impulse response, without delay: float32, in place.
 *
 * The response is cut into partitions of B taps. The first one is done tap by tap; the others by overlap-save in
 * the frequency domain with transforms of 2 B samples, uniform partitions and a delay line of spectra (W. G.
 * Gardner, Efficient convolution without input-output delay, J. AES 43(3), 1995; F. Wefers, Partitioned
 * convolution algorithms for real-time auralization, 2015, section 5). A partition from tap B on needs no input
 * younger than the last whole block of B samples, so what all of them add to the coming block is ready when that
 * begins: the direct part hides the latency of the transforms. Blocks of B samples are counted from the first
 * sample on, so blocks of any length give the same samples. */
#include "fft.h"
#include "native.h"
#include "vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE = 32, /* outputs, or bins, worked on in registers */
    MIN_BLOCK = 32,
    MAX_BLOCK = 1024, /* longer sums tap by tap would lose precision */
    GIL_PRODUCTS = 1 << 18,
};

static const int64_t MAX_TAPS = 1ll << 26;

typedef struct {
    PyObject_HEAD
    Fft fft;
    int64_t block, taps, rows, channels;
    int64_t heads;      /* taps done directly */
    int64_t partitions; /* done by transforms */
    float *head;        /* rows x block */
    float *spectra;     /* rows x partitions x (re[block], im[block]) */
    float *past;        /* channels x 2 block: the last whole block and the one being filled */
    float *lines;       /* channels x partitions x (re, im): spectra of the input, a ring */
    float *coming;      /* channels x block: what the transforms add to the block being filled */
    float *sum;         /* 2 block, scratch of the transforms; then 2 block samples */
    int64_t filled;     /* samples in the block being filled */
    int64_t newest;     /* place in the ring */
    int busy, vector;
} Convolver;

/* out[i] = extra[i] + sum_k h[k] x[i - k], each sum in the order of k. *out* may not overlap *x*. */
VECTOR_BODY static inline void direct_body(const float *RESTRICT h, int64_t heads, const float *RESTRICT x,
                                           const float *RESTRICT extra, float *RESTRICT out, int64_t n)
{
    int64_t i = 0;
    for (; i + TILE <= n; i += TILE) {
        float sums[TILE] = {0};
        for (int64_t k = 0; k < heads; k++)
            for (int j = 0; j < TILE; j++)
                sums[j] += h[k] * x[i - k + j];
        for (int j = 0; j < TILE; j++)
            out[i + j] = extra[i + j] + sums[j];
    }
    for (; i + 8 <= n; i += 8) {
        float sums[8] = {0};
        for (int64_t k = 0; k < heads; k++)
            for (int j = 0; j < 8; j++)
                sums[j] += h[k] * x[i - k + j];
        for (int j = 0; j < 8; j++)
            out[i + j] = extra[i + j] + sums[j];
    }
    for (; i < n; i++) {
        float sum = 0;
        for (int64_t k = 0; k < heads; k++)
            sum += h[k] * x[i - k];
        out[i] = extra[i] + sum;
    }
}

/* sum += the products of one spectrum of the response with one of the input. */
VECTOR_BODY static inline void product(const float *RESTRICT h, const float *RESTRICT x, int64_t block,
                                       float *RESTRICT sum)
{
    for (int64_t i = 0; i < block; i++) {
        sum[i] += x[i] * h[i] - x[block + i] * h[block + i];
        sum[block + i] += x[i] * h[block + i] + x[block + i] * h[i];
    }
}

/* sum = the products of *count* spectra of the response with those of the input, the newest first. */
VECTOR_BODY static inline void products_body(const float *response, const float *lines, int64_t newest,
                                             int64_t count, int64_t block, float *sum)
{
    float dc = 0, nyquist = 0;
    int64_t at = newest;
    memset(sum, 0, 2 * (size_t)block * sizeof *sum);
    for (int64_t p = 0; p < count; p++) {
        const float *h = response + 2 * p * block, *x = lines + 2 * at * block;
        product(h, x, block, sum);
        dc += x[0] * h[0]; /* two real bins share the first place */
        nyquist += x[block] * h[block];
        at = at == 0 ? count - 1 : at - 1;
    }
    sum[0] = dc;
    sum[block] = nyquist;
}

static void direct_plain(const float *h, int64_t heads, const float *x, const float *extra, float *out, int64_t n)
{
    direct_body(h, heads, x, extra, out, n);
}

static void products_plain(const float *response, const float *lines, int64_t newest, int64_t count,
                           int64_t block, float *sum)
{
    products_body(response, lines, newest, count, block, sum);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void direct_vector(const float *h, int64_t heads, const float *x, const float *extra,
                                        float *out, int64_t n)
{
    direct_body(h, heads, x, extra, out, n);
}

VECTOR_TARGET static void products_vector(const float *response, const float *lines, int64_t newest,
                                          int64_t count, int64_t block, float *sum)
{
    products_body(response, lines, newest, count, block, sum);
}
#else
#define direct_vector direct_plain
#define products_vector products_plain
#endif

/* The block of *channel* is full: make what the transforms add to the next one. */
static void transform(Convolver *self, int64_t channel, int64_t newest)
{
    const int64_t block = self->block, row = self->rows == 1 ? 0 : channel;
    float *line = self->lines + 2 * block * self->partitions * channel;
    float *into = line + 2 * block * newest, *samples = self->sum + 2 * block;
    fft_forward(&self->fft, self->past + 2 * block * channel, into, into + block);
    (self->vector ? products_vector : products_plain)(self->spectra + 2 * block * self->partitions * row, line,
                                                      newest, self->partitions, block, self->sum);
    fft_backward(&self->fft, self->sum, self->sum + block, samples);
    memcpy(self->coming + block * channel, samples + block, (size_t)block * sizeof(float));
}

static void run(Convolver *self, float *samples, int64_t n)
{
    const unsigned long long state = flush_subnormals();
    const int64_t block = self->block;
    for (int64_t done = 0; done < n;) {
        const int64_t room = block - self->filled, count = n - done < room ? n - done : room;
        const int full = count == room;
        const int64_t newest = self->newest + 1 < self->partitions ? self->newest + 1 : 0;
        for (int64_t channel = 0; channel < self->channels; channel++) {
            float *out = samples + channel * n + done, *past = self->past + 2 * block * channel;
            memcpy(past + block + self->filled, out, (size_t)count * sizeof *out);
            (self->vector ? direct_vector : direct_plain)(
                self->head + (self->rows == 1 ? 0 : channel) * block, self->heads, past + block + self->filled,
                self->coming + block * channel + self->filled, out, count);
            if (!full)
                continue;
            if (self->partitions > 0)
                transform(self, channel, newest);
            memcpy(past, past + block, (size_t)block * sizeof *past);
        }
        self->filled = full ? 0 : self->filled + count;
        self->newest = full ? newest : self->newest;
        done += count;
    }
    restore_subnormals(state);
}

static void clear(Convolver *self)
{
    const size_t block = (size_t)self->block, channels = (size_t)self->channels;
    memset(self->past, 0, 2 * block * channels * sizeof(float));
    memset(self->coming, 0, block * channels * sizeof(float));
    memset(self->lines, 0, 2 * block * channels * (size_t)self->partitions * sizeof(float));
    self->filled = self->newest = 0;
}

static int allocate_all(Convolver *self)
{
    const size_t block = (size_t)self->block, channels = (size_t)self->channels, rows = (size_t)self->rows;
    const size_t partitions = (size_t)self->partitions;
    self->head = calloc(rows * block, sizeof(float));
    self->past = malloc(2 * block * channels * sizeof(float));
    self->coming = malloc(block * channels * sizeof(float));
    self->sum = malloc(4 * block * sizeof(float));
    self->spectra = calloc(2 * block * rows * partitions + 1, sizeof(float));
    self->lines = malloc((2 * block * channels * partitions + 1) * sizeof(float));
    if (self->head && self->past && self->coming && self->sum && self->spectra && self->lines &&
        fft_init(&self->fft, block, self->vector) == 0)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static void take_taps(Convolver *self, const float *taps)
{
    const int64_t block = self->block, m = self->taps;
    float *padded = self->sum; /* 2 block samples */
    for (int64_t row = 0; row < self->rows; row++, taps += m) {
        memcpy(self->head + row * block, taps, (size_t)self->heads * sizeof *taps);
        for (int64_t p = 0; p < self->partitions; p++) {
            const int64_t from = (p + 1) * block, count = m - from < block ? m - from : block;
            float *into = self->spectra + 2 * block * (row * self->partitions + p);
            memset(padded, 0, 2 * (size_t)block * sizeof *padded);
            for (int64_t i = 0; i < count; i++)
                padded[i] = taps[from + i] / (float)block; /* what fft_backward leaves to do */
            fft_forward(&self->fft, padded, into, into + block);
        }
    }
}

static PyObject *convolver_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"taps", "channels", "block", "simd", NULL};
    PyObject *taps;
    Py_ssize_t channels = 1, block = 256;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|nn$p:PartitionedConvolver", names, &taps, &channels, &block,
                                     &simd))
        return NULL;
    if (block < MIN_BLOCK || block > MAX_BLOCK || (block & (block - 1)) != 0)
        return PyErr_Format(PyExc_ValueError, "block must be a power of two, %d to %d, got %zd", MIN_BLOCK,
                            MAX_BLOCK, block);
    Py_buffer view;
    if (get_items(taps, &view, 'f', 0, "taps") < 0)
        return NULL;
    Convolver *self = NULL;
    if (view.ndim != 2 || view.shape[1] < 1 || view.shape[1] > MAX_TAPS || channels < 1 || channels > 4096 ||
        (view.shape[0] != 1 && view.shape[0] != channels)) {
        PyErr_Format(PyExc_ValueError, "taps must have shape (1 or channels, 1 to %lld) for 1 to 4096 channels",
                     (long long)MAX_TAPS);
        goto done;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    self = (Convolver *)allocate(type, 0);
    if (self == NULL)
        goto done;
    self->block = block;
    self->rows = view.shape[0];
    self->taps = view.shape[1];
    self->channels = channels;
    self->heads = self->taps < block ? self->taps : block;
    self->partitions = (self->taps - 1) / block;
    self->vector = simd && cpu_has_vector_target();
    if (allocate_all(self) < 0) {
        Py_DECREF(self);
        self = NULL;
        goto done;
    }
    take_taps(self, view.buf);
    clear(self);
done:
    PyBuffer_Release(&view);
    return (PyObject *)self;
}

static void convolver_dealloc(Convolver *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    fft_free(&self->fft);
    free(self->head);
    free(self->spectra);
    free(self->past);
    free(self->lines);
    free(self->coming);
    free(self->sum);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_busy(const Convolver *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this PartitionedConvolver is processing in another thread");
    return -1;
}

static PyObject *convolver_process(Convolver *self, PyObject *block)
{
    Py_buffer view;
    if (get_items(block, &view, 'f', 1, "block") < 0)
        return NULL;
    if (refuse_busy(self) < 0) { /* getting the buffer may have run Python code, so look only now */
        PyBuffer_Release(&view);
        return NULL;
    }
    const Py_ssize_t channels = view.ndim == 2 ? view.shape[0] : 1;
    if (view.ndim < 1 || view.ndim > 2 || channels != self->channels) {
        PyBuffer_Release(&view);
        return PyErr_Format(PyExc_ValueError, "block must have shape (%lld, n)", (long long)self->channels);
    }
    const int64_t n = view.shape[view.ndim - 1];
    const int64_t products = self->heads + 4 * self->partitions + 32; /* a sample, about */
    if (n * channels * products < GIL_PRODUCTS) { /* shorter work than handing the lock over and back */
        run(self, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        run(self, view.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *convolver_reset(Convolver *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    clear(self);
    Py_RETURN_NONE;
}

static PyObject *convolver_path(Convolver *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(self->vector ? "avx2" : "scalar");
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)convolver_process, METH_O, "Filter a float32 block in place."},
    {"reset", (PyCFunction)convolver_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"path", (getter)convolver_path, NULL, "Code path in use: 'avx2' or 'scalar'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Convolution with up to 2^26 taps, without delay, over float32 blocks."},
    {Py_tp_new, (void *)convolver_new},
    {Py_tp_dealloc, (void *)convolver_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.PartitionedConvolver",
    .basicsize = sizeof(Convolver),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_convolve(PyObject *module)
{
    return add_type(module, &spec);
}
