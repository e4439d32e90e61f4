/* Cascade of biquads: float32 samples, float64 coefficients and state, in place.
 *
 * Each section is transposed direct form II, a0 = 1:
 *
 *     y  = b0 x + s1
 *     s1 = b1 x - a1 y + s2
 *     s2 = b2 x - a2 y
 *
 * Section after section is bound by latency: a section must wait for its own last output. So the sections
 * run as a wavefront: lane k of a vector is section k, working on the sample k steps behind lane 0, and
 * one step advances all of them. Before and after the wavefront two triangles are done section by section.
 * Without AVX2 the plain loop, sample outer and section inner, lets the CPU overlap them by itself.
 *
 * Both paths keep no sample in flight between two calls, so blocks of any length give the same samples.
 */
#include "native.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HAVE_WAVEFRONT 1
#include <immintrin.h>
#endif

enum {
    LANES = 4,
    MAX_LANES = 8,
    CHUNK = 1024,
    MAX_SECTIONS = 256,
    GIL_SAMPLES = 16384, /* fewer samples times sections take less time than getting the GIL back may */
};

/* One group of up to eight sections, field-wise, filled up with sections that change nothing. */
typedef struct {
    double b0[MAX_LANES], b1[MAX_LANES], b2[MAX_LANES], a1[MAX_LANES], a2[MAX_LANES];
    double s1[MAX_LANES], s2[MAX_LANES];
    int sections; /* in use */
} Group;

typedef void (*Kernel)(Group *group, double *x, Py_ssize_t n);

typedef struct {
    PyObject_HEAD
    Group *groups;
    Py_ssize_t group_count;
    Py_ssize_t sections;
    int wavefront; /* whether the vector path may be used */
    int busy;      /* read and written with the GIL held only */
} Cascade;

static void run_scalar(Group *g, double *x, Py_ssize_t n)
{
    const int sections = g->sections;
    for (Py_ssize_t i = 0; i < n; i++) {
        double in = x[i];
        for (int k = 0; k < sections; k++) {
            const double y = g->b0[k] * in + g->s1[k];
            g->s1[k] = (g->b1[k] * in + g->s2[k]) - g->a1[k] * y;
            g->s2[k] = g->b2[k] * in - g->a2[k] * y;
            in = y;
        }
        x[i] = in;
    }
}

#ifdef HAVE_WAVEFRONT

#define TARGET __attribute__((target("avx2,fma")))

/* One section, one sample, in the wavefront's own arithmetic (fused), so that the triangles and the
 * vector steps round alike. */
TARGET static inline double step(Group *g, int k, double x)
{
    const double y = __builtin_fma(g->b0[k], x, g->s1[k]);
    g->s1[k] = __builtin_fma(-g->a1[k], y, __builtin_fma(g->b1[k], x, g->s2[k]));
    g->s2[k] = __builtin_fma(-g->a2[k], y, g->b2[k] * x);
    return y;
}

/* Sections first.. of a block too short for a wavefront. */
TARGET static void run_short(Group *g, double *x, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        for (int k = 0; k < g->sections; k++)
            x[i] = step(g, k, x[i]);
}

/* Leading triangle: section k does samples 0 .. lanes-2-k. last[k] is its newest output. */
TARGET static inline void lead_in(Group *g, const double *x, int lanes, double *last)
{
    double wave[MAX_LANES];
    for (int i = 0; i < lanes - 1; i++)
        wave[i] = x[i];
    for (int k = 0; k < lanes - 1; k++) {
        for (int i = 0; i < lanes - 1 - k; i++)
            wave[i] = step(g, k, wave[i]);
        last[k] = wave[lanes - 2 - k];
    }
    last[lanes - 1] = 0.0;
}

/* Trailing triangle: section k does the last k samples. last[k] is its newest output. */
TARGET static inline void lead_out(Group *g, double *x, Py_ssize_t n, int lanes, const double *last)
{
    double wave[MAX_LANES]; /* outputs of section k-1 that section k has not had, oldest first */
    int count = 0;
    for (int k = 1; k < lanes; k++) {
        for (int i = count; i > 0; i--)
            wave[i] = wave[i - 1];
        wave[0] = last[k - 1];
        count++;
        for (int i = 0; i < count; i++)
            wave[i] = step(g, k, wave[i]);
    }
    for (int i = 0; i < count; i++)
        x[n - count + i] = wave[i];
}

TARGET static void run_wave4(Group *g, double *x, Py_ssize_t n)
{
    if (n < LANES) {
        run_short(g, x, n);
        return;
    }
    double last[MAX_LANES];
    lead_in(g, x, LANES, last);
    const __m256d b0 = _mm256_loadu_pd(g->b0), b1 = _mm256_loadu_pd(g->b1), b2 = _mm256_loadu_pd(g->b2);
    const __m256d a1 = _mm256_loadu_pd(g->a1), a2 = _mm256_loadu_pd(g->a2);
    __m256d s1 = _mm256_loadu_pd(g->s1), s2 = _mm256_loadu_pd(g->s2), y = _mm256_loadu_pd(last);
    for (Py_ssize_t t = LANES - 1; t < n; t++) {
        const __m256d in =
            _mm256_blend_pd(_mm256_permute4x64_pd(y, 0x90), _mm256_broadcast_sd(x + t), 1);
        y = _mm256_fmadd_pd(b0, in, s1);
        s1 = _mm256_fnmadd_pd(a1, y, _mm256_fmadd_pd(b1, in, s2));
        s2 = _mm256_fnmadd_pd(a2, y, _mm256_mul_pd(b2, in));
        _mm_storeh_pd(x + t - (LANES - 1), _mm256_extractf128_pd(y, 1));
    }
    _mm256_storeu_pd(g->s1, s1);
    _mm256_storeu_pd(g->s2, s2);
    _mm256_storeu_pd(last, y);
    lead_out(g, x, n, LANES, last);
}

TARGET static void run_wave8(Group *g, double *x, Py_ssize_t n)
{
    if (n < MAX_LANES) {
        run_short(g, x, n);
        return;
    }
    double last[MAX_LANES];
    lead_in(g, x, MAX_LANES, last);
    const __m256d b0l = _mm256_loadu_pd(g->b0), b0h = _mm256_loadu_pd(g->b0 + 4);
    const __m256d b1l = _mm256_loadu_pd(g->b1), b1h = _mm256_loadu_pd(g->b1 + 4);
    const __m256d b2l = _mm256_loadu_pd(g->b2), b2h = _mm256_loadu_pd(g->b2 + 4);
    const __m256d a1l = _mm256_loadu_pd(g->a1), a1h = _mm256_loadu_pd(g->a1 + 4);
    const __m256d a2l = _mm256_loadu_pd(g->a2), a2h = _mm256_loadu_pd(g->a2 + 4);
    __m256d s1l = _mm256_loadu_pd(g->s1), s1h = _mm256_loadu_pd(g->s1 + 4);
    __m256d s2l = _mm256_loadu_pd(g->s2), s2h = _mm256_loadu_pd(g->s2 + 4);
    __m256d yl = _mm256_loadu_pd(last), yh = _mm256_loadu_pd(last + 4);
    for (Py_ssize_t t = MAX_LANES - 1; t < n; t++) {
        const __m256d turned = _mm256_permute4x64_pd(yl, 0x93); /* y3 y0 y1 y2 */
        const __m256d inl = _mm256_blend_pd(turned, _mm256_broadcast_sd(x + t), 1);
        const __m256d inh = _mm256_blend_pd(_mm256_permute4x64_pd(yh, 0x90), turned, 1);
        yl = _mm256_fmadd_pd(b0l, inl, s1l);
        yh = _mm256_fmadd_pd(b0h, inh, s1h);
        s1l = _mm256_fnmadd_pd(a1l, yl, _mm256_fmadd_pd(b1l, inl, s2l));
        s1h = _mm256_fnmadd_pd(a1h, yh, _mm256_fmadd_pd(b1h, inh, s2h));
        s2l = _mm256_fnmadd_pd(a2l, yl, _mm256_mul_pd(b2l, inl));
        s2h = _mm256_fnmadd_pd(a2h, yh, _mm256_mul_pd(b2h, inh));
        _mm_storeh_pd(x + t - (MAX_LANES - 1), _mm256_extractf128_pd(yh, 1));
    }
    _mm256_storeu_pd(g->s1, s1l);
    _mm256_storeu_pd(g->s1 + 4, s1h);
    _mm256_storeu_pd(g->s2, s2l);
    _mm256_storeu_pd(g->s2 + 4, s2h);
    _mm256_storeu_pd(last, yl);
    _mm256_storeu_pd(last + 4, yh);
    lead_out(g, x, n, MAX_LANES, last);
}

static int cpu_has_wavefront(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

static int cpu_has_wavefront(void)
{
    return 0;
}

#endif

static Kernel kernel_for(const Cascade *self, const Group *group)
{
#ifdef HAVE_WAVEFRONT
    if (self->wavefront)
        return group->sections <= LANES ? run_wave4 : run_wave8;
#else
    (void)group;
#endif
    (void)self;
    return run_scalar;
}

/* A state too small to hear, or one that is no number any more, starts again from zero. */
static void mend(Group *group)
{
    for (int k = 0; k < group->sections; k++) {
        const double size = fabs(group->s1[k]) + fabs(group->s2[k]);
        if (!(size <= DBL_MAX) || size < 1e-200)
            group->s1[k] = group->s2[k] = 0.0;
    }
}

static void run(Cascade *self, float *samples, Py_ssize_t n)
{
    double x[CHUNK];
    const unsigned long long unit = flush_subnormals();
    while (n > 0) {
        const Py_ssize_t count = n < CHUNK ? n : CHUNK;
        for (Py_ssize_t i = 0; i < count; i++) /* NaN and infinity come in as silence */
            x[i] = fabsf(samples[i]) <= FLT_MAX ? (double)samples[i] : 0.0;
        for (Py_ssize_t i = 0; i < self->group_count; i++) {
            Group *group = &self->groups[i];
            kernel_for(self, group)(group, x, count);
            mend(group);
        }
        for (Py_ssize_t i = 0; i < count; i++) {
            const double y = x[i] < -FLT_MAX ? -FLT_MAX : x[i] > FLT_MAX ? FLT_MAX : x[i];
            samples[i] = y == y ? (float)y : 0.0f;
        }
        samples += count;
        n -= count;
    }
    restore_subnormals(unit);
}

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
