/* GammatoneBank: mean powers of overlapping windows of a sound behind a bank of gammatone filters.
 *
 * A filter is four sections that share their poles (M. Slaney, An Efficient Implementation of the Patterson-Holdsworth
 * Auditory Filter Bank, Apple Technical Report 35, 1993):
 *
 *     (1 + c_k z^-1) / (1 + b1 z^-1 + b2 z^-2),    k = 0 to 3
 *
 * run as y = x + s1, s1' = (c_k - b1) x - b1 s1 + s2, s2' = -b2 y: the transposed direct form II with the output put
 * into the first state, so that from s1 to s1' it is one product and one sum. Each window starts from rest. The bands
 * lie side by side in the lanes of vectors. All paths give the same bits.
 */
#include "native.h"

#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
enum { LANES = 8 };
typedef float Lanes __attribute__((vector_size(32)));
#else
enum { LANES = 1 };
typedef float Lanes;
#endif

enum {
    SECTIONS = 4,
    COLUMNS = 3 + SECTIONS, /* of the table: scale, b1, b2, c_0 to c_3 */
    MAX_WINDOW = 1 << 14,
    MAX_BANDS = 256,
    GIL_WINDOWS = 4, /* fewer take less time than getting the GIL back may */
};

typedef struct {
    Lanes b1, b2, h[SECTIONS], scale;
} Group;

typedef struct {
    PyObject_HEAD
    size_t window_samples, hop, bands, groups;
    float *window;
    void *memory; /* of *group*, before it is aligned */
    Group *group;
    int simd;
} GammatoneBank;

/* Mean power of *count* samples, already windowed, behind the bands of one group. */
VECTOR_BODY static inline void measure_group(const Group *group, const float *x, size_t count, float *out)
{
    const Lanes zero = {0};
    const Lanes b1 = group->b1, b2 = group->b2;
    const Lanes h0 = group->h[0], h1 = group->h[1], h2 = group->h[2], h3 = group->h[3];
    Lanes p0 = zero, p1 = zero, p2 = zero, p3 = zero, q0 = zero, q1 = zero, q2 = zero, q3 = zero, power = zero;
    for (size_t i = 0; i < count; i++) {
        const Lanes u0 = zero + x[i];
        const Lanes u1 = u0 + p0;
        p0 = (h0 * u0 + q0) - b1 * p0;
        q0 = zero - b2 * u1;
        const Lanes u2 = u1 + p1;
        p1 = (h1 * u1 + q1) - b1 * p1;
        q1 = zero - b2 * u2;
        const Lanes u3 = u2 + p2;
        p2 = (h2 * u2 + q2) - b1 * p2;
        q2 = zero - b2 * u3;
        const Lanes y = u3 + p3;
        p3 = (h3 * u3 + q3) - b1 * p3;
        q3 = zero - b2 * y;
        power += y * y;
    }
    power *= group->scale;
    memcpy(out, &power, sizeof power);
}

VECTOR_BODY static inline void measure_body(const GammatoneBank *self, const float *sound, size_t windows, float *out,
                                            float *x, float *row)
{
    for (size_t w = 0; w < windows; w++, sound += self->hop, out += self->bands) {
        for (size_t i = 0; i < self->window_samples; i++)
            x[i] = sound[i] * self->window[i];
        for (size_t g = 0; g < self->groups; g++)
            measure_group(&self->group[g], x, self->window_samples, row + g * LANES);
        memcpy(out, row, self->bands * sizeof *out);
    }
}

static void measure_plain(const GammatoneBank *self, const float *sound, size_t windows, float *out, float *x, float *row)
{
    measure_body(self, sound, windows, out, x, row);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void measure_vector(const GammatoneBank *self, const float *sound, size_t windows, float *out,
                                         float *x, float *row)
{
    measure_body(self, sound, windows, out, x, row);
}
#endif

static void measure_all(const GammatoneBank *self, const float *sound, size_t windows, float *out, float *x, float *row)
{
    const unsigned long long unit = flush_subnormals();
#ifdef HAVE_VECTOR_TARGET
    if (self->simd)
        measure_vector(self, sound, windows, out, x, row);
    else
#endif
        measure_plain(self, sound, windows, out, x, row);
    restore_subnormals(unit);
}

/* Takes the rows of *table*; 0, or -1 with an exception set. */
static int set_up(GammatoneBank *self, const float *window, const double *table)
{
    enum { ALIGNMENT = 64 };
    const size_t bytes = self->groups * sizeof(Group);
    self->window = malloc(self->window_samples * sizeof *self->window);
    self->memory = calloc(1, bytes + ALIGNMENT);
    if (self->window == NULL || self->memory == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->window, window, self->window_samples * sizeof *window);
    self->group = (Group *)(((size_t)self->memory + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    for (size_t b = 0; b < self->bands; b++) {
        const double *row = table + COLUMNS * b;
        const double b1 = row[1], b2 = row[2];
        for (int k = 0; k < COLUMNS; k++)
            if (!isfinite(row[k]) || fabs(row[k]) > 1e30) {
                PyErr_Format(PyExc_ValueError, "band %zu of bank has a number that is not finite or too large", b);
                return -1;
            }
        if (!(fabs(b2) < 1.0 && fabs(b1) < 1.0 + b2)) {
            PyErr_Format(PyExc_ValueError, "band %zu of bank is unstable: a pole is not inside the unit circle", b);
            return -1;
        }
        Group *group = &self->group[b / LANES];
        const size_t at = b % LANES * sizeof(float);
        const float values[3] = {(float)row[0], (float)b1, (float)b2};
        memcpy((char *)&group->scale + at, &values[0], sizeof(float));
        memcpy((char *)&group->b1 + at, &values[1], sizeof(float));
        memcpy((char *)&group->b2 + at, &values[2], sizeof(float));
        for (int k = 0; k < SECTIONS; k++) {
            const float h = (float)(row[3 + k] - b1);
            memcpy((char *)&group->h[k] + at, &h, sizeof h);
        }
    }
    return 0;
}

static PyObject *gammatone_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"window", "bank", "hop", "simd", NULL};
    PyObject *window, *bank;
    Py_ssize_t hop;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOn|$p:GammatoneBank", names, &window, &bank, &hop, &simd))
        return NULL;
    Py_buffer shape, table;
    if (get_items(window, &shape, 'f', 0, "window") < 0)
        return NULL;
    if (get_items(bank, &table, 'd', 0, "bank") < 0) {
        PyBuffer_Release(&shape);
        return NULL;
    }
    GammatoneBank *self = NULL;
    const Py_ssize_t samples = shape.ndim == 1 ? shape.shape[0] : 0;
    const Py_ssize_t bands = table.ndim == 2 && table.shape[1] == COLUMNS ? table.shape[0] : 0;
    if (samples < 1 || samples > MAX_WINDOW) {
        PyErr_Format(PyExc_ValueError, "window must have 1 to %d samples in one dimension", MAX_WINDOW);
    } else if (bands < 1 || bands > MAX_BANDS) {
        PyErr_Format(PyExc_ValueError, "bank must have shape (bands, %d) with 1 to %d bands", COLUMNS, MAX_BANDS);
    } else if (hop < 1 || hop > samples) {
        PyErr_Format(PyExc_ValueError, "hop must be 1 to %zd samples, got %zd", samples, hop);
    } else {
        allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (GammatoneBank *)allocate(type, 0);
        if (self != NULL) {
            self->window_samples = (size_t)samples;
            self->hop = (size_t)hop;
            self->bands = (size_t)bands;
            self->groups = ((size_t)bands + LANES - 1) / LANES;
            self->simd = simd && cpu_has_vector_target();
            if (set_up(self, shape.buf, table.buf) < 0)
                Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&table);
    PyBuffer_Release(&shape);
    return (PyObject *)self;
}

static void gammatone_dealloc(PyObject *object)
{
    GammatoneBank *self = (GammatoneBank *)object;
    PyTypeObject *type = Py_TYPE(object);
    free(self->window);
    free(self->memory);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyObject *gammatone_measure(PyObject *object, PyObject *args)
{
    const GammatoneBank *self = (GammatoneBank *)object;
    PyObject *sound, *powers;
    if (!PyArg_ParseTuple(args, "OO:measure", &sound, &powers))
        return NULL;
    Py_buffer in, out;
    if (get_items(sound, &in, 'f', 0, "sound") < 0)
        return NULL;
    if (get_items(powers, &out, 'f', 1, "powers") < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    PyObject *result = NULL;
    float *x = NULL;
    const Py_ssize_t samples = in.ndim == 1 ? in.shape[0] : 0, window = (Py_ssize_t)self->window_samples;
    const Py_ssize_t windows = samples < window ? 0 : (samples - window) / (Py_ssize_t)self->hop + 1;
    if (windows == 0) {
        PyErr_Format(PyExc_ValueError, "sound must be (n,) with %zd samples or more", window);
    } else if (out.ndim != 2 || out.shape[0] != windows || out.shape[1] != (Py_ssize_t)self->bands) {
        PyErr_Format(PyExc_ValueError, "powers must be (%zd, %zu)", windows, self->bands);
    } else if ((x = malloc((self->window_samples + self->groups * LANES) * sizeof *x)) == NULL) {
        PyErr_NoMemory();
    } else {
        float *row = x + self->window_samples;
        if (windows < GIL_WINDOWS) {
            measure_all(self, in.buf, (size_t)windows, out.buf, x, row);
        } else {
            Py_BEGIN_ALLOW_THREADS
            measure_all(self, in.buf, (size_t)windows, out.buf, x, row);
            Py_END_ALLOW_THREADS
        }
        result = Py_NewRef(Py_None);
    }
    free(x);
    PyBuffer_Release(&out);
    PyBuffer_Release(&in);
    return result;
}

static PyObject *gammatone_path(PyObject *object, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((GammatoneBank *)object)->simd ? "avx2" : "scalar");
}

static PyMethodDef methods[] = {
    {"measure", gammatone_measure, METH_VARARGS, "Write the mean power of each window in each band."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"path", gammatone_path, NULL, "Code path chosen for this CPU.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Mean powers of overlapping windows of a sound behind a bank of gammatone filters."},
    {Py_tp_new, (void *)gammatone_new},
    {Py_tp_dealloc, (void *)gammatone_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.GammatoneBank",
    .basicsize = sizeof(GammatoneBank),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_gammatone(PyObject *module)
{
    return add_type(module, &spec);
}
