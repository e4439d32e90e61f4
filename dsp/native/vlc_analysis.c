/* The object VlcAnalysis: band energies, voicing and f0 of one packet of speech a call. */
#include "native.h"
#include "fft_lanes.h"
#include "vector_math.h"
#include "vlc_pitch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_FRAMES = 32,
    MOST_BANDS = 64,
    VOICED_BANDS = 3, /* the lowest, which tell whether there is a voice */
};

static const float DECAY_DB_PER_S = 1.5f; /* of the peak level that the floor hangs from */
static const float LEAST_DB = -110.0f;    /* of the floor */
static const float DECIBEL = 3.0103f;     /* an octave of power */
static const float VOICED = 0.45f;        /* mean voicing of these from which on f0 is worth sending */
static const float TINY = 1e-20f;

typedef struct {
    PyObject_HEAD
    size_t rate, hop, frames, window_size, ahead, past, count; /* samples; `count` in `signal` */
    size_t columns;     /* of `sheet` */
    float floor_db, decay_db;
    float peak_db;      /* level of the loudest band of late */
    float *signal;      /* past, packet, ahead */
    float *window;      /* divided by the root of its energy */
    float *sheet;       /* (hop, columns): what the frames see, by columns */
    float *re, *im;     /* (batches, bins, LANES) */
    float *other_re, *other_im, *power; /* (bins, LANES) */
    Bank bands, voices;
    LanesFft fft;
    Pitch pitch;
    int vector, busy;
} Analysis;

/* Samples from *start* on, a fraction of a sample later: cubic (Catmull and Rom). One before and two after exist. */
VECTOR_BODY static inline void shifted(const float *RESTRICT x, float part, size_t count, float *RESTRICT out)
{
    const float a = part * (-0.5f + part * (1.0f - 0.5f * part)), b = 1.0f + part * part * (-2.5f + 1.5f * part);
    const float c = part * (0.5f + part * (2.0f - 1.5f * part)), d = part * part * (-0.5f + 0.5f * part);
    for (size_t i = 0; i < count; i++)
        out[i] = a * x[i] + b * x[i + 1] + c * x[i + 2] + d * x[i + 3];
}

/* Voicing of the eight frames of a batch whose spectra are re, im: the correlation of each with the same frame one
 * pitch period sooner or later, the better one, band by band. */
VECTOR_BODY static inline void voicing_body(Analysis *a, size_t first, const float *re, const float *im,
                                            const float *f0, float floor, float *voicing)
{
    const size_t bins = a->window_size / 2 + 1, bands = a->voices.rows;
    float own[LANES * MOST_BANDS], across[LANES * MOST_BANDS], there[LANES * MOST_BANDS], segment[1024];
    const size_t count = a->frames - first < LANES ? a->frames - first : LANES;
    lanes_powers(re, im, a->power, bins);
    lanes_sums(&a->voices, a->power, own);
    for (int later = 0; later <= 1; later++) {
        memset(a->fft.re, 0, LANES * a->fft.half * sizeof(float));
        memset(a->fft.im, 0, LANES * a->fft.half * sizeof(float));
        for (size_t l = 0; l < count; l++) {
            const size_t start = a->past + a->hop * (first + l) + a->hop / 2 - a->window_size / 2;
            const float period = (float)a->rate / f0[first + l];
            const float shift = later ? period : -period, whole = floorf(shift);
            const size_t from = (size_t)((long)start + (long)whole - 1);
            if (from + a->window_size + 3 > a->count)
                continue;
            shifted(a->signal + from, shift - whole, a->window_size, segment);
            for (size_t i = 0; i < a->fft.half; i++) {
                a->fft.re[LANES * i + l] = segment[2 * i] * a->window[2 * i];
                a->fft.im[LANES * i + l] = segment[2 * i + 1] * a->window[2 * i + 1];
            }
        }
        lanes_forward(&a->fft, a->other_re, a->other_im);
        lanes_powers(a->other_re, a->other_im, a->power, bins);
        lanes_sums(&a->voices, a->power, there);
        for (size_t i = 0; i < LANES * bins; i++)
            a->power[i] = re[i] * a->other_re[i] + im[i] * a->other_im[i];
        lanes_sums(&a->voices, a->power, across);
        for (size_t b = 0; b < bands; b++)
            for (size_t l = 0; l < count; l++) {
                const float quiet = floor * (float)a->voices.count[b];
                const float both = (own[LANES * b + l] + quiet) * (there[LANES * b + l] + quiet);
                float ratio = across[LANES * b + l] / sqrtf(both);
                ratio = ratio > 0.0f ? ratio : 0.0f;
                float *to = voicing + bands * (first + l) + b;
                *to = ratio > *to ? ratio < 1.0f ? ratio : 1.0f : *to;
            }
    }
}

/* For each frame 1 where f0 is worth sending, else 0: the same for all within 16 ms, and a lone one between two others is
 * made like them. */
static void find_voiced(const Analysis *a, const float *voicing, float *voiced)
{
    const size_t bands = a->voices.rows, used = bands < VOICED_BANDS ? bands : VOICED_BANDS;
    const size_t per_step = a->frames / a->pitch.frames;
    int flags[PITCH_MOST_FRAMES];
    for (size_t step = 0; step < a->pitch.frames; step++) {
        float sum = 0.0f;
        for (size_t t = step * per_step; t < (step + 1) * per_step; t++)
            for (size_t b = 0; b < used; b++)
                sum += voicing[bands * t + b];
        flags[step] = sum > VOICED * (float)(used * per_step);
    }
    for (size_t step = 0; step < a->pitch.frames; step++) {
        const int inner = step > 0 && step + 1 < a->pitch.frames;
        const int flag = inner && flags[step - 1] == flags[step + 1] ? flags[step - 1] : flags[step];
        for (size_t t = step * per_step; t < (step + 1) * per_step; t++)
            voiced[t] = (float)flag;
    }
}

VECTOR_BODY static inline void analyse_body(Analysis *a, const float *packet, float *levels, float *voicing, float *f0)
{
    const size_t size = a->hop * a->frames, bins = a->window_size / 2 + 1, bands = a->bands.rows;
    memmove(a->signal, a->signal + size, (a->count - size) * sizeof(float));
    float *to = a->signal + a->count - size;
    for (size_t i = 0; i < size; i++) {
        const float x = packet[i] > -1.0f ? packet[i] : packet[i] <= -1.0f ? -1.0f : 0.0f; /* NaN: 0 */
        to[i] = x < 1.0f ? x : 1.0f;
    }
    float knots[PITCH_MOST_FRAMES];
    pitch_track(&a->pitch, a->signal, a->count, knots);
    const float per_knot = (float)a->frames / (float)a->pitch.frames; /* frames: 1 or 2 */
    for (size_t t = 0; t < a->frames; t++) {
        const float place = ((float)t + 0.5f) / per_knot - 0.5f;
        const size_t last = a->pitch.frames - 1;
        const size_t k = place < 0.0f ? 0 : (size_t)place < last ? (size_t)place : last;
        const size_t after = k < last ? k + 1 : last;
        const float part = place < 0.0f ? 0.0f : place - (float)k;
        f0[t] = power_of_two((1.0f - part) * logarithm(knots[k]) + part * logarithm(knots[after]));
    }
    const size_t start = a->past + a->hop / 2 - a->window_size / 2;
    const size_t seen = a->frames + a->window_size / a->hop - 1;
    for (size_t c = 0; c < seen; c++)
        for (size_t r = 0; r < a->hop; r++)
            a->sheet[r * a->columns + c] = a->signal[start + c * a->hop + r];
    float sums[LANES * MOST_BANDS], loudest = TINY;
    for (size_t first = 0, batch = 0; first < a->frames; first += LANES, batch++) {
        float *re = a->re + LANES * bins * batch, *im = a->im + LANES * bins * batch;
        lanes_load(&a->fft, a->sheet, a->columns, a->hop, first, a->window);
        lanes_forward(&a->fft, re, im);
        lanes_powers(re, im, a->power, bins);
        lanes_sums(&a->bands, a->power, sums);
        const size_t count = a->frames - first < LANES ? a->frames - first : LANES;
        for (size_t l = 0; l < count; l++)
            for (size_t b = 0; b < bands; b++) {
                const float power = sums[LANES * b + l];
                levels[bands * (first + l) + b] = power;
                loudest = power > loudest ? power : loudest;
            }
    }
    const float loudest_db = DECIBEL * logarithm(loudest);
    a->peak_db -= a->decay_db;
    a->peak_db = a->peak_db < LEAST_DB ? LEAST_DB : a->peak_db;
    a->peak_db = loudest_db > a->peak_db ? loudest_db : a->peak_db;
    const float floor_db = a->peak_db - a->floor_db < LEAST_DB ? LEAST_DB : a->peak_db - a->floor_db;
    const float floor = power_of_two(floor_db / DECIBEL);
    for (size_t i = 0; i < a->frames * bands; i++)
        levels[i] = DECIBEL * logarithm(levels[i] + floor);
    memset(voicing, 0, a->frames * a->voices.rows * sizeof(float));
    for (size_t first = 0, batch = 0; first < a->frames; first += LANES, batch++)
        voicing_body(a, first, a->re + LANES * bins * batch, a->im + LANES * bins * batch, f0, floor, voicing);
}

static void analyse_plain(Analysis *a, const float *packet, float *levels, float *voicing, float *f0)
{
    analyse_body(a, packet, levels, voicing, f0);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void analyse_vector(Analysis *a, const float *packet, float *levels, float *voicing, float *f0)
{
    analyse_body(a, packet, levels, voicing, f0);
}
#else
#define analyse_vector analyse_plain
#endif

static void clear(Analysis *a)
{
    memset(a->signal, 0, a->count * sizeof(float));
    memset(a->sheet, 0, a->hop * a->columns * sizeof(float));
    pitch_reset(&a->pitch);
    a->peak_db = LEAST_DB;
}

/* Returns 0, or -1 with an exception set. */
static int prepare(Analysis *a, const Py_buffer *window, const Py_buffer *bank, const Py_buffer *voices, double f0_min,
                   double f0_max)
{
    const size_t bins = a->window_size / 2 + 1;
    const size_t bands = (size_t)bank->len / sizeof(float) / bins, kinds = (size_t)voices->len / sizeof(float) / bins;
    if (bands < 1 || bands > MOST_BANDS || kinds < 1 || kinds > MOST_BANDS ||
        (size_t)bank->len != bands * bins * sizeof(float) || (size_t)voices->len != kinds * bins * sizeof(float)) {
        PyErr_Format(PyExc_ValueError, "banks must have 1 to %d rows of %zu bins", MOST_BANDS, bins);
        return -1;
    }
    const size_t factor = a->rate / PITCH_RATE;
    const size_t furthest = a->window_size + a->rate / (size_t)f0_min + 8;
    a->past = (furthest + 4 * factor - 1) / (4 * factor) * (4 * factor);
    a->count = a->past + a->hop * a->frames + a->ahead;
    a->columns = (a->frames + LANES - 1) / LANES * LANES + a->window_size / a->hop + LANES;
    const size_t batches = (a->frames + LANES - 1) / LANES;
    a->signal = calloc(a->count, sizeof(float));
    a->window = malloc(a->window_size * sizeof(float));
    a->sheet = calloc(a->hop * a->columns, sizeof(float));
    a->re = malloc(2 * LANES * bins * batches * sizeof(float));
    a->other_re = malloc(3 * LANES * bins * sizeof(float));
    if (a->signal == NULL || a->window == NULL || a->sheet == NULL || a->re == NULL || a->other_re == NULL ||
        lanes_init(&a->fft, a->window_size / 2) < 0 || bank_init(&a->bands, bank->buf, bands, bins) < 0 ||
        bank_init(&a->voices, voices->buf, kinds, bins) < 0 ||
        pitch_init(&a->pitch, factor, a->hop * a->frames / factor / PITCH_STEP, a->past, a->ahead, (float)f0_min,
                   (float)f0_max) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    a->im = a->re + LANES * bins * batches;
    a->other_im = a->other_re + LANES * bins;
    a->power = a->other_im + LANES * bins;
    double energy = 0.0;
    const float *shape = window->buf;
    for (size_t i = 0; i < a->window_size; i++)
        energy += (double)shape[i] * shape[i];
    for (size_t i = 0; i < a->window_size; i++)
        a->window[i] = (float)(shape[i] / sqrt(energy));
    a->vector = a->vector && cpu_has_vector_target();
    a->pitch.vector = a->vector;
    clear(a);
    return 0;
}

static int check(const Analysis *a, double f0_min, double f0_max)
{
    const size_t size = a->window_size, step = a->rate / PITCH_RATE * PITCH_STEP, packet = a->hop * a->frames;
    if ((a->rate != 8000 && a->rate != 16000) || size < 64 || size > 1024 || (size & (size - 1)) != 0)
        PyErr_SetString(PyExc_ValueError, "an analysis wants 8000 or 16000 Hz and a window of 64 to 1024, a power of two");
    else if (a->hop < 2 || a->hop > size / 2 || size % a->hop != 0 || a->frames < 1 || a->frames > MOST_FRAMES)
        PyErr_Format(PyExc_ValueError, "a packet must be 1 to %d hops, each a part of the window", MOST_FRAMES);
    else if (packet % step != 0 || packet / step > PITCH_MOST_FRAMES || (packet / step != a->frames && 2 * packet / step != a->frames))
        PyErr_SetString(PyExc_ValueError, "a packet must be whole steps of 16 ms, a hop one of them or half of it");
    else if (a->ahead % (a->rate / PITCH_RATE) != 0 || a->ahead > 4096 || a->ahead < a->rate / 50)
        PyErr_SetString(PyExc_ValueError, "an analysis looks 20 ms or more ahead");
    else if (!(f0_min >= 52.0 && f0_min < f0_max && f0_max <= 450.0))
        PyErr_SetString(PyExc_ValueError, "f0 must be 52 to 450 Hz");
    else
        return 0;
    return -1;
}

static PyObject *analysis_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sample_rate_hz", "window", "bands", "voices", "packet_samples", "hop_samples",
                            "ahead_samples", "f0_min_hz", "f0_max_hz", "floor_db", "simd", NULL};
    Py_ssize_t rate, packet, hop, ahead;
    PyObject *objects[3];
    double f0_min, f0_max, floor_db;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nOOOnnnddd|p:VlcAnalysis", names, &rate, &objects[0], &objects[1],
                                     &objects[2], &packet, &hop, &ahead, &f0_min, &f0_max, &floor_db, &simd))
        return NULL;
    if (rate < 1 || packet < 1 || hop < 1 || packet % hop != 0 || ahead < 0) {
        PyErr_SetString(PyExc_ValueError, "a packet must be whole hops");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Analysis *self = (Analysis *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    static const char *const matrices[] = {"window", "bands", "voices"};
    Py_buffer views[3];
    int held = 0, failed = -1;
    for (; held < 3; held++)
        if (get_items(objects[held], &views[held], 'f', 0, matrices[held]) < 0)
            goto done;
    self->rate = (size_t)rate;
    self->hop = (size_t)hop;
    self->frames = (size_t)(packet / hop);
    self->window_size = (size_t)views[0].len / sizeof(float);
    self->ahead = (size_t)ahead;
    self->floor_db = (float)floor_db;
    self->vector = simd;
    self->decay_db = DECAY_DB_PER_S * (float)packet / (float)rate;
    if (check(self, f0_min, f0_max) == 0)
        failed = prepare(self, &views[0], &views[1], &views[2], f0_min, f0_max);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    if (failed) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void analysis_dealloc(Analysis *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->signal);
    free(self->window);
    free(self->sheet);
    free(self->re);
    free(self->other_re);
    lanes_free(&self->fft);
    bank_free(&self->bands);
    bank_free(&self->voices);
    pitch_free(&self->pitch);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *analysis_push(Analysis *self, PyObject *args)
{
    static const char *const buffers[] = {"samples", "levels", "voicing", "f0", "voiced"};
    PyObject *objects[5], *result = NULL;
    if (!PyArg_ParseTuple(args, "OOOOO:push", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4]))
        return NULL;
    const size_t sizes[5] = {self->hop * self->frames, self->frames * self->bands.rows,
                             self->frames * self->voices.rows, self->frames, self->frames};
    Py_buffer views[5];
    int held = 0;
    for (; held < 5; held++) {
        if (get_items(objects[held], &views[held], 'f', held > 0, buffers[held]) < 0)
            goto done;
        if ((size_t)views[held].len != sizes[held] * sizeof(float)) {
            PyErr_Format(PyExc_ValueError, "%s must be %zu items, got %zd", buffers[held], sizes[held],
                         views[held].len / (Py_ssize_t)sizeof(float));
            held++;
            goto done;
        }
    }
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this VlcAnalysis is at work in another thread");
        goto done;
    }
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    const unsigned long long state = flush_subnormals();
    if (self->vector)
        analyse_vector(self, views[0].buf, views[1].buf, views[2].buf, views[3].buf);
    else
        analyse_plain(self, views[0].buf, views[1].buf, views[2].buf, views[3].buf);
    find_voiced(self, views[2].buf, views[4].buf);
    restore_subnormals(state);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    result = Py_NewRef(Py_None);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return result;
}

static PyObject *analysis_reset(Analysis *self, PyObject *unused)
{
    (void)unused;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this VlcAnalysis is at work in another thread");
        return NULL;
    }
    clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"push", (PyCFunction)analysis_push, METH_VARARGS, "Take a packet; write the parameters of what lay ahead."},
    {"reset", (PyCFunction)analysis_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Band energies, voicing and f0 of speech, a packet at a time."},
    {Py_tp_new, (void *)analysis_new},
    {Py_tp_dealloc, (void *)analysis_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.VlcAnalysis",
    .basicsize = sizeof(Analysis),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_vlc_analysis(PyObject *module)
{
    return add_type(module, &spec);
}
