/* voice_pulses: the cycles of a voice, found by matching waveforms.
 *
 * One voiced run of a pitch track begins with the absolute extremum within half a period of its middle. From a pulse at t, with the
 * period T the track has there, the next one to either side is where the normalised correlation of the waveform with the
 * period around t,
 *
 *     r(lag) = sum_k x[k] x[k + lag] / sqrt(sum_k x[k]^2 sum_k x[k + lag]^2),    k over t - T/2 .. t + T/2
 *
 * has its greatest local maximum between 0.8 T and 1.25 T, a parabola through its three highest samples saying where between
 * samples; the correlation counts as zero before the nearer end of that range (P. Boersma, "Should jitter be measured
 * by peak picking or by waveform matching?", Folia Phoniatrica et Logopaedica 61, 2009; the manual of Praat, "Sound & Pitch: To
 * PointProcess (cc)"). Where nothing matches the search goes on one T further. */
#include "native.h"
#include "vector.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE = 32, /* lags worked on in registers */
    LANES = 8, /* sums side by side */
};

static const double NEAREST = 0.8, FARTHEST = 1.25; /* range of the search, in periods */
static const double LEAST_MATCH = 0.3;      /* a pulse that matches less is left out */
static const double LEAST_EDGE_MATCH = 0.7; /* so well must the one match that may lie outside the run */
static const double LEAST_PEAK = 0.01, LEAST_EDGE_PEAK = 0.023333; /* of the peak of the recording */

typedef struct {
    const float *x;
    int64_t size;
    double first, rate; /* where in the recording x[0] is; samples a second */
    const double *f0;
    int64_t frames;
    double start, step; /* of the frames, seconds */
    double from, to;    /* the run, seconds */
    double peak;        /* of the recording */
    double last;        /* pulse before this run */
    int vector;
    float *window, *others, *dots; /* scratch */
    int64_t most;                  /* samples of a window, at most */
    double *out;
    int64_t count, room;
} Run;

typedef struct {
    double lag, value, peak;
} Match;

/* dots[i] = sum_k window[k] others[i + k], each sum in the order of k; room for whole tiles in both. */
VECTOR_BODY static inline void correlate_body(const float *RESTRICT window, int64_t n, const float *RESTRICT others,
                                              float *RESTRICT dots, int64_t lags)
{
    for (int64_t i = 0; i < lags; i += TILE) {
        float sums[TILE] = {0};
        for (int64_t k = 0; k < n; k++)
            for (int j = 0; j < TILE; j++)
                sums[j] += window[k] * others[i + k + j];
        for (int j = 0; j < TILE; j++)
            dots[i + j] = sums[j];
    }
}

static void correlate_plain(const float *window, int64_t n, const float *others, float *dots, int64_t lags)
{
    correlate_body(window, n, others, dots, lags);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void correlate_vector(const float *window, int64_t n, const float *others, float *dots, int64_t lags)
{
    correlate_body(window, n, others, dots, lags);
}
#else
#define correlate_vector correlate_plain
#endif

/* Samples *from* .. *from* + n - 1, counted from x[0]; zero outside. */
static void copy_samples(const Run *run, int64_t from, int64_t n, float *out)
{
    const int64_t begin = from < 0 ? 0 : from, end = from + n > run->size ? run->size : from + n;
    if (end <= begin) {
        memset(out, 0, (size_t)n * sizeof *out);
        return;
    }
    memset(out, 0, (size_t)(begin - from) * sizeof *out);
    memcpy(out + (begin - from), run->x + begin, (size_t)(end - begin) * sizeof *out);
    memset(out + (end - from), 0, (size_t)(from + n - end) * sizeof *out);
}

static double square(float x)
{
    return (double)x * x;
}

static double energy_of(const float *x, int64_t n)
{
    double sums[LANES] = {0}, energy = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            sums[j] += square(x[i + j]);
    for (; i < n; i++)
        energy += square(x[i]);
    for (int j = 0; j < LANES; j++)
        energy += sums[j];
    return energy;
}

static double peak_of(const float *x, int64_t n)
{
    float peaks[LANES] = {0}, peak = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            peaks[j] = fabsf(x[i + j]) > peaks[j] ? fabsf(x[i + j]) : peaks[j];
    for (; i < n; i++)
        peak = fabsf(x[i]) > peak ? fabsf(x[i]) : peak;
    for (int j = 0; j < LANES; j++)
        peak = peaks[j] > peak ? peaks[j] : peak;
    return peak;
}

static double period_at(const Run *run, double t)
{
    const double place = (t - run->start) / run->step;
    if (!(place > 0))
        return 1 / run->f0[0];
    if (place >= (double)(run->frames - 1))
        return 1 / run->f0[run->frames - 1];
    const int64_t i = (int64_t)place;
    return 1 / (run->f0[i] + (place - (double)i) * (run->f0[i + 1] - run->f0[i]));
}

static int64_t sample_before(const Run *run, double t)
{
    return (int64_t)floor(t * run->rate - 0.5 - run->first);
}

static int64_t sample_after(const Run *run, double t)
{
    return (int64_t)ceil(t * run->rate - 0.5 - run->first);
}

/* Of the parabola through three samples whose middle one is an extremum: where its top is, from the middle one. */
static double top_of(double before, double middle, double after)
{
    const double bend = 2 * middle - before - after;
    return bend != 0 ? 0.5 * (after - before) / bend : 0;
}

static double begin_at(const Run *run, double middle, double period)
{
    int64_t begin = sample_before(run, middle - period / 2), end = sample_after(run, middle + period / 2);
    begin = begin < 0 ? 0 : begin > run->size - 1 ? run->size - 1 : begin;
    end = end > run->size - 1 ? run->size - 1 : end < begin ? begin : end;
    int64_t best = begin;
    for (int64_t i = begin; i <= end; i++)
        if (fabsf(run->x[i]) > fabsf(run->x[best]))
            best = i;
    const double aside = best > begin && best < end ? top_of(run->x[best - 1], run->x[best], run->x[best + 1]) : 0;
    return ((double)best + (fabs(aside) < 1 ? aside : 0) + run->first + 0.5) / run->rate;
}

/* Where, seen from the pulse at *t*, the next one to the *side* (-1 or 1) matches best. */
static Match match(const Run *run, double t, double period, int side)
{
    const double near = t + side * NEAREST * period, far = t + side * FARTHEST * period;
    const int64_t left = sample_before(run, t - period / 2 + 0.5 / run->rate);
    int64_t n = sample_before(run, t + period / 2 + 0.5 / run->rate) - left + 1;
    const int64_t begin = sample_before(run, (side < 0 ? far : near) - period / 2);
    int64_t lags = sample_after(run, (side < 0 ? near : far) - period / 2) - begin + 1;
    n = n < run->most ? n : run->most;
    lags = lags < run->most ? lags : run->most;
    copy_samples(run, left, n, run->window);
    copy_samples(run, begin, n + lags - 1, run->others);
    memset(run->others + n + lags - 1, 0, TILE * sizeof *run->others);
    (run->vector ? correlate_vector : correlate_plain)(run->window, n, run->others, run->dots, lags);
    const double energy = energy_of(run->window, n);
    double other = energy_of(run->others, n);
    Match found = {side * period, 0, 0};
    double before = 0, middle = 0, best = -INFINITY;
    int64_t best_at = -1;
    for (int64_t i = 0; i < lags; i++) {
        const double after = energy > 0 && other > 0 ? run->dots[i] / sqrt(energy * other) : 0;
        if (middle >= before && middle >= after && middle > best) {
            const double aside = top_of(before, middle, after);
            best = middle;
            best_at = i;
            found.value = middle + 0.25 * (after - before) * aside;
            found.lag = ((double)(begin - left + i - 1) + aside) / run->rate;
        }
        before = middle;
        middle = after;
        if (i + 1 < lags)
            other = fmax(other + square(run->others[i + n]) - square(run->others[i]), 0);
    }
    if (best_at >= 0)
        found.peak = peak_of(run->others + best_at, n);
    if (!(side * found.lag >= period / 2)) /* at some samples a period only */
        found.lag = side * period;
    return found;
}

static void keep(Run *run, double t)
{
    if (run->count < run->room)
        run->out[run->count++] = t;
}

static void walk(Run *run, double t, int side)
{
    for (;;) {
        const double period = period_at(run, t);
        const Match next = match(run, t, period, side);
        t += next.lag;
        if (side < 0 ? t < run->from : t > run->to) {
            if (next.value > LEAST_EDGE_MATCH && next.peak > LEAST_EDGE_PEAK * run->peak &&
                (side > 0 || t - run->last > NEAREST * period))
                keep(run, t);
            return;
        }
        if (next.value > LEAST_MATCH && (next.peak == 0 || next.peak > LEAST_PEAK * run->peak))
            keep(run, t);
    }
}

static void find_pulses(Run *run)
{
    const unsigned long long unit = flush_subnormals();
    const double middle = (run->from + run->to) / 2, begun = begin_at(run, middle, period_at(run, middle));
    keep(run, begun);
    walk(run, begun, -1);
    walk(run, begun, 1);
    restore_subnormals(unit);
}

static int check_run(const Run *run)
{
    const double numbers[] = {run->rate, run->first, run->start, run->step, run->from, run->to, run->peak};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!isfinite(numbers[i]))
            return -1;
    for (int64_t i = 0; i < run->frames; i++)
        if (!(run->f0[i] >= 1 && run->f0[i] <= run->rate / 2))
            return -1;
    return run->rate > 0 && run->step > 0 && run->from <= run->to && run->size > 0 && run->frames > 0 ? 0 : -1;
}

static PyObject *voice_pulses(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"samples", "f0_hz", "pulses_s", "sample_rate_hz", "first", "start_s", "step_s",
                            "from_s", "to_s", "peak", "last_s", "simd", NULL};
    PyObject *objects[3], *result = NULL;
    Run run = {0};
    int simd = 1;
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOdddddddd|p:voice_pulses", names, &objects[0], &objects[1],
                                     &objects[2], &run.rate, &run.first, &run.start, &run.step, &run.from, &run.to,
                                     &run.peak, &run.last, &simd))
        return NULL;
    Py_buffer views[3];
    int held = 0;
    if (get_items(objects[0], &views[0], 'f', 0, "samples") < 0)
        return NULL;
    held = 1;
    if (get_items(objects[1], &views[1], 'd', 0, "f0_hz") < 0)
        goto done;
    held = 2;
    if (get_items(objects[2], &views[2], 'd', 1, "pulses_s") < 0)
        goto done;
    held = 3;
    run.x = views[0].buf;
    run.size = views[0].len / (Py_ssize_t)sizeof(float);
    run.f0 = views[1].buf;
    run.frames = views[1].len / (Py_ssize_t)sizeof(double);
    run.out = views[2].buf;
    run.room = views[2].len / (Py_ssize_t)sizeof(double);
    run.vector = simd && cpu_has_vector_target();
    if (check_run(&run) < 0) {
        PyErr_SetString(PyExc_ValueError, "a voiced run needs samples, finite times, and an F0 of 1 Hz to half the rate");
        goto done;
    }
    double lowest = run.f0[0];
    for (int64_t i = 1; i < run.frames; i++)
        lowest = run.f0[i] < lowest ? run.f0[i] : lowest;
    run.most = (int64_t)ceil(run.rate / lowest) + 4;
    const size_t most = (size_t)run.most;
    float *memory = malloc((4 * most + 3 * TILE) * sizeof *memory);
    if (memory == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    run.window = memory;
    run.others = memory + most;          /* 2 most + TILE */
    run.dots = memory + 3 * most + TILE; /* most + TILE, rounded up to tiles */
    Py_BEGIN_ALLOW_THREADS
    find_pulses(&run);
    Py_END_ALLOW_THREADS
    free(memory);
    result = PyLong_FromLongLong(run.count);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return result;
}

static PyMethodDef functions[] = {
    {"voice_pulses", (PyCFunction)(void (*)(void))voice_pulses, METH_VARARGS | METH_KEYWORDS,
     "Pulses of one voiced run, unordered; returns how many."},
    {NULL, NULL, 0, NULL},
};

int add_pulses(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
