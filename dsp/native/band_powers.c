/* BandPowers: powers of overlapping windows of a sound in bands of its spectrum, every weight given as a table. */
#include "native.h"

#include "fft.h"
#include "vector.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_WINDOW = 1 << 14,
    MAX_BANDS = 256,
    GIL_WINDOWS = 64, /* fewer take less time than getting the GIL back may */
};

typedef struct {
    size_t first, past; /* lines whose weight is not zero */
} Reach;

typedef struct {
    PyObject_HEAD
    Fft fft;
    size_t window_samples, hop, points, lines, bands;
    float *window;  /* then zeros up to *points* */
    float *weights; /* band after band */
    Reach *reach;
    float *x, *re, *im, *power;
    int ready, busy;
} BandPowers;

static void measure_one(BandPowers *self, const float *sound, float *out)
{
    const size_t half = self->points / 2;
    for (size_t i = 0; i < self->window_samples; i++)
        self->x[i] = sound[i] * self->window[i];
    fft_forward(&self->fft, self->x, self->re, self->im);
    float *power = self->power;
    for (size_t k = 1; k < half; k++)
        power[k] = self->re[k] * self->re[k] + self->im[k] * self->im[k];
    power[0] = self->re[0] * self->re[0];
    power[half] = self->im[0] * self->im[0]; /* where fft.h keeps it */
    for (size_t b = 0; b < self->bands; b++) {
        const float *weights = self->weights + b * self->lines;
        float sum = 0.0f;
        for (size_t k = self->reach[b].first; k < self->reach[b].past; k++)
            sum += weights[k] * power[k];
        out[b] = sum;
    }
}

static void measure_all(BandPowers *self, const float *sounds, Py_ssize_t channels, Py_ssize_t samples, Py_ssize_t count,
                        float *out)
{
    const unsigned long long unit = flush_subnormals();
    for (Py_ssize_t c = 0; c < channels; c++)
        for (Py_ssize_t f = 0; f < count; f++)
            measure_one(self, sounds + c * samples + f * (Py_ssize_t)self->hop,
                        out + (c * count + f) * (Py_ssize_t)self->bands);
    restore_subnormals(unit);
}

static int set_up(BandPowers *self, const float *window, const float *bank)
{
    const size_t lines = self->lines, bands = self->bands, points = self->points;
    self->window = malloc(self->window_samples * sizeof(float));
    self->weights = malloc(lines * bands * sizeof(float));
    self->reach = malloc(bands * sizeof(Reach));
    self->x = calloc(points, sizeof(float));
    self->re = malloc(points / 2 * sizeof(float));
    self->im = malloc(points / 2 * sizeof(float));
    self->power = malloc(lines * sizeof(float));
    self->ready = 1;
    if (fft_init(&self->fft, points / 2, cpu_has_vector_target()) < 0 || self->window == NULL || self->weights == NULL ||
        self->reach == NULL || self->x == NULL || self->re == NULL || self->im == NULL || self->power == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->window, window, self->window_samples * sizeof(float));
    for (size_t b = 0; b < bands; b++) {
        Reach *reach = &self->reach[b];
        reach->first = lines;
        reach->past = 0;
        for (size_t k = 0; k < lines; k++) {
            const float weight = bank[k * bands + b];
            self->weights[b * lines + k] = weight;
            if (weight != 0.0f) {
                reach->first = reach->first < k ? reach->first : k;
                reach->past = k + 1;
            }
        }
    }
    return 0;
}

static PyObject *band_powers_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"window", "bank", "hop", NULL};
    PyObject *window, *bank;
    Py_ssize_t hop;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOn:BandPowers", names, &window, &bank, &hop))
        return NULL;
    Py_buffer shape, table;
    if (get_items(window, &shape, 'f', 0, "window") < 0)
        return NULL;
    if (get_items(bank, &table, 'f', 0, "bank") < 0) {
        PyBuffer_Release(&shape);
        return NULL;
    }
    BandPowers *self = NULL;
    const Py_ssize_t samples = shape.len / (Py_ssize_t)sizeof(float);
    const Py_ssize_t lines = table.ndim == 2 ? table.shape[0] : 0, bands = table.ndim == 2 ? table.shape[1] : 0;
    const Py_ssize_t points = 2 * (lines - 1);
    if (shape.ndim != 1 || samples < 1 || samples > MAX_WINDOW) {
        PyErr_Format(PyExc_ValueError, "window must have 1 to %d samples in one dimension", MAX_WINDOW);
    } else if (points < 8 || points > MAX_WINDOW || (points & (points - 1)) != 0 || points < samples) {
        PyErr_Format(PyExc_ValueError, "bank must have lines for a power of two of points, %zd to %d, got %zd lines",
                     samples, MAX_WINDOW, lines);
    } else if (bands < 1 || bands > MAX_BANDS) {
        PyErr_Format(PyExc_ValueError, "bank must have 1 to %d bands, got %zd", MAX_BANDS, bands);
    } else if (hop < 1 || hop > samples) {
        PyErr_Format(PyExc_ValueError, "hop must be 1 to %zd samples, got %zd", samples, hop);
    } else {
        allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (BandPowers *)allocate(type, 0);
        if (self != NULL) {
            self->window_samples = (size_t)samples;
            self->hop = (size_t)hop;
            self->points = (size_t)points;
            self->lines = (size_t)lines;
            self->bands = (size_t)bands;
            if (set_up(self, shape.buf, table.buf) < 0)
                Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&table);
    PyBuffer_Release(&shape);
    return (PyObject *)self;
}

static void band_powers_dealloc(PyObject *object)
{
    BandPowers *self = (BandPowers *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->ready)
        fft_free(&self->fft);
    free(self->window);
    free(self->weights);
    free(self->reach);
    free(self->x);
    free(self->re);
    free(self->im);
    free(self->power);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyObject *band_powers_measure(PyObject *object, PyObject *args)
{
    BandPowers *self = (BandPowers *)object;
    PyObject *sounds, *powers;
    if (!PyArg_ParseTuple(args, "OO:measure", &sounds, &powers))
        return NULL;
    Py_buffer in, out;
    if (get_items(sounds, &in, 'f', 0, "sounds") < 0)
        return NULL;
    if (get_items(powers, &out, 'f', 1, "powers") < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    PyObject *result = NULL;
    const Py_ssize_t samples = in.ndim == 2 ? in.shape[1] : 0, window = (Py_ssize_t)self->window_samples;
    const Py_ssize_t count = samples < window ? 0 : (samples - window) / (Py_ssize_t)self->hop + 1;
    if (in.ndim != 2 || count == 0) {
        PyErr_Format(PyExc_ValueError, "sounds must be (channels, n) with %zd samples or more", window);
    } else if (out.ndim != 3 || out.shape[0] != in.shape[0] || out.shape[1] != count ||
               out.shape[2] != (Py_ssize_t)self->bands) {
        PyErr_Format(PyExc_ValueError, "powers must be (%zd, %zd, %zu)", in.shape[0], count, self->bands);
    } else if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this BandPowers is measuring in another thread");
    } else {
        if (in.shape[0] * count < GIL_WINDOWS) {
            measure_all(self, in.buf, in.shape[0], samples, count, out.buf);
        } else {
            self->busy = 1;
            Py_BEGIN_ALLOW_THREADS
            measure_all(self, in.buf, in.shape[0], samples, count, out.buf);
            Py_END_ALLOW_THREADS
            self->busy = 0;
        }
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&in);
    return result;
}

static PyMethodDef methods[] = {
    {"measure", band_powers_measure, METH_VARARGS, "Write the powers of each window of each channel."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Powers of overlapping windows of a sound in bands of its spectrum."},
    {Py_tp_new, (void *)band_powers_new},
    {Py_tp_dealloc, (void *)band_powers_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.BandPowers",
    .basicsize = sizeof(BandPowers),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_band_powers(PyObject *module)
{
    return add_type(module, &spec);
}
