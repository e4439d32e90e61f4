/* PitchFrames: candidates for the pitch of frames of a sound, by autocorrelation or forward cross-correlation.
 *
 * P. Boersma, Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
 * sound, Proceedings of the Institute of Phonetic Sciences 17 (1993), 97-110. Autocorrelation: the frame less its mean,
 * windowed; its autocorrelation over that of the window (equation 9). Cross-correlation: of a frame with what follows
 * it, over the root of both energies. Eight frames go through the transforms side by side.
 */
#include "native.h"

#include "pitch_correlate.h"
#include "pitch_peaks.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_POINTS = 1 << 17,
    MAX_CANDIDATES = 255,
};

/* A frame and what follows it may have so many times the energy of its quietest part: the error of a transform, a few
 * times 1e-8 of the whole, then stays below 5e-7 of each correlation. */
static const double STEEP = 30.0;

typedef struct {
    PyObject_HEAD
    Correlator correlator;
    Peaks peaks;
    size_t period, reach, candidates;
    double least, octave_cost;
    float *correction; /* of lags 0 to last: what the autocorrelation is multiplied by */
    float *energy;     /* of lags 0 to last: of what the frame is correlated with, against its own */
    int ready, busy;
} PitchFrames;

typedef struct {
    const float *samples;
    size_t count; /* samples */
    const double *left, *start;
    size_t frames;
    double peak, silent;
    double *lags, *strengths, *intensities;
} Task;

/* Mean over one longest period on either side of the middle, as far as there are samples. */
static float local_mean(const PitchFrames *self, const Task *task, size_t left)
{
    const size_t first = left + 1 > self->period ? left + 1 - self->period : 0;
    const size_t past = left + 1 + self->period < task->count ? left + 1 + self->period : task->count;
    double sums[LANES] = {0.0};
    size_t i = first;
    for (; i + LANES <= past; i += LANES)
        EACH_LANE
            sums[l] += (double)task->samples[i + l];
    for (; i < past; i++)
        sums[0] += (double)task->samples[i];
    const double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    return (float)(sum / (double)(past - first));
}

/* Greatest magnitude around the middle, of the windowed frame or of the samples as they are. */
static double local_peak(const PitchFrames *self, const float *middle, float mean)
{
    const Correlator *c = &self->correlator;
    const float *window = c->window + c->window_samples / 2 - self->reach, *from = middle - self->reach;
    float peaks[LANES] = {0.0f};
    const size_t count = 2 * self->reach, whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        EACH_LANE {
            const float value = fabsf((from[i + l] - mean) * (c->cross ? 1.0f : window[i + l]));
            peaks[l] = value > peaks[l] ? value : peaks[l];
        }
    for (size_t i = whole; i < count; i++) {
        const float value = fabsf((from[i] - mean) * (c->cross ? 1.0f : window[i]));
        peaks[0] = value > peaks[0] ? value : peaks[0];
    }
    float peak = 0.0f;
    EACH_LANE
        peak = peaks[l] > peak ? peaks[l] : peak;
    return (double)peak;
}

/* An autocorrelation over that of the window; returns 0 where there is no sound. */
static int normalise_auto(const PitchFrames *self, float *r)
{
    if (!(r[0] > 0.0f))
        return 0;
    const float over = 1.0f / r[0];
    for (size_t i = 0; i <= self->correlator.last; i++)
        r[i] *= over * self->correction[i];
    return 1;
}

/* A cross-correlation over the root of the energies of the frame and of what it was correlated with. */
static int normalise_cross(PitchFrames *self, float *r, const float *x, float mean, float scale)
{
    const size_t size = self->correlator.window_samples, last = self->correlator.last;
    const float *y = x + size;
    double sums[LANES] = {0.0};
    const size_t even = size - size % LANES;
    for (size_t i = 0; i < even; i += LANES)
        EACH_LANE {
            const double value = (double)((x[i + l] - mean) * scale);
            sums[l] += value * value;
        }
    for (size_t i = even; i < size; i++) {
        const double value = (double)((x[i] - mean) * scale);
        sums[0] += value * value;
    }
    double energy = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    if (!(energy > 0.0))
        return 0;
    const float first = (float)energy, whole = 1.0f / (float)self->correlator.fft.half;
    self->energy[0] = first;
    double all = energy, least = energy;
    for (size_t i = 1; i <= last; i++) {
        const double in = (double)((y[i - 1] - mean) * scale), out = (double)((x[i - 1] - mean) * scale);
        all += in * in;
        energy += in * in - out * out;
        least = energy < least ? energy : least;
        self->energy[i] = (float)energy;
    }
    if (all > STEEP * least)
        correlator_sum(&self->correlator, x, mean, scale, r);
    for (size_t i = 0; i <= last; i++) {
        const float both = first * self->energy[i];
        r[i] = both > 0.0f ? r[i] * whole / sqrtf(both) : 0.0f;
    }
    return 1;
}

static void measure_eight(PitchFrames *self, const Task *task, const size_t *frame, const float *means, size_t used)
{
    const float scale = (float)(1.0 / task->peak);
    const float *from[LANES];
    float mean[LANES];
    for (size_t l = 0; l < LANES; l++) {
        from[l] = task->samples + (size_t)task->start[frame[l < used ? l : 0]];
        mean[l] = means[l < used ? l : 0];
    }
    correlator_run(&self->correlator, from, mean, scale);
    for (size_t l = 0; l < used; l++) {
        float *r = self->peaks.value;
        correlator_get(&self->correlator, l, r);
        if (!(self->correlator.cross ? normalise_cross(self, r, from[l], mean[l], scale) : normalise_auto(self, r)))
            continue;
        Peak peaks[MAX_CANDIDATES];
        const size_t found = peaks_find(&self->peaks, self->least, self->octave_cost, self->candidates, peaks);
        for (size_t j = 0; j < found; j++) {
            task->lags[frame[l] * self->candidates + j] = peaks[j].lag;
            task->strengths[frame[l] * self->candidates + j] = peaks[j].strength;
        }
    }
}

static void measure_all(PitchFrames *self, const Task *task)
{
    const unsigned long long unit = flush_subnormals();
    size_t frame[LANES], used = 0;
    float means[LANES];
    memset(task->lags, 0, task->frames * self->candidates * sizeof(double));
    memset(task->strengths, 0, task->frames * self->candidates * sizeof(double));
    for (size_t k = 0; k < task->frames; k++) {
        const size_t left = (size_t)task->left[k];
        const float mean = local_mean(self, task, left);
        const double peak = local_peak(self, task->samples + left + 1, mean);
        const double intensity = task->peak > 0.0 ? peak / task->peak : 0.0;
        task->intensities[k] = intensity < 1.0 ? intensity : 1.0;
        if (intensity > task->silent) {
            means[used] = mean;
            frame[used++] = k;
        }
        if (used == LANES || (used > 0 && k + 1 == task->frames)) {
            measure_eight(self, task, frame, means, used);
            used = 0;
        }
    }
    restore_subnormals(unit);
}

static int set_up(PitchFrames *self, const float *window, size_t window_samples, const float *correction, size_t last,
                  size_t longest, size_t points, int cross)
{
    self->correction = malloc((last + 1) * sizeof(float));
    self->energy = malloc((last + 1) * sizeof(float));
    self->ready = 1;
    if (correlator_init(&self->correlator, window, window_samples, last, points, cross) < 0 ||
        peaks_init(&self->peaks, last, longest, self->correlator.vector) < 0 || self->correction == NULL ||
        self->energy == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->correction, correction, (last + 1) * sizeof(float));
    return 0;
}

static PyObject *pitch_frames_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"window", "correction", "period", "reach", "longest", "candidates",
                            "least",  "octave_cost", "cross", NULL};
    PyObject *window, *correction;
    Py_ssize_t period, reach, longest, candidates;
    double least, octave_cost;
    int cross;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO$nnnnddp:PitchFrames", names, &window, &correction, &period, &reach,
                                     &longest, &candidates, &least, &octave_cost, &cross))
        return NULL;
    Py_buffer shape, table;
    if (get_items(window, &shape, 'f', 0, "window") < 0)
        return NULL;
    if (get_items(correction, &table, 'f', 0, "correction") < 0) {
        PyBuffer_Release(&shape);
        return NULL;
    }
    PitchFrames *self = NULL;
    const Py_ssize_t samples = shape.len / (Py_ssize_t)sizeof(float);
    const Py_ssize_t last = table.len / (Py_ssize_t)sizeof(float) - 1;
    Py_ssize_t points = 16;
    while (points < samples + last && points < MAX_POINTS)
        points *= 2;
    if (shape.ndim != 1 || table.ndim != 1 || samples < 4 || samples % 2 != 0 || last < 3 || last > samples ||
        samples + last > points) {
        PyErr_Format(PyExc_ValueError,
                     "window must have an even number of samples and correction from 4 to one more, %d in all at most, "
                     "got %zd and %zd",
                     MAX_POINTS, samples, last + 1);
    } else if (period < 1 || reach < 1 || reach > samples / 2 || longest < 3) {
        PyErr_Format(PyExc_ValueError, "period must be at least 1, reach 1 to %zd, longest at least 3, got %zd, %zd, %zd",
                     samples / 2, period, reach, longest);
    } else if (candidates < 1 || candidates > MAX_CANDIDATES || !(least >= 0.0) || !(octave_cost >= 0.0)) {
        PyErr_Format(PyExc_ValueError, "candidates must be 1 to %d, got %zd; least and octave_cost must not be negative",
                     MAX_CANDIDATES, candidates);
    } else {
        allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (PitchFrames *)allocate(type, 0);
        if (self != NULL) {
            self->period = (size_t)period;
            self->reach = (size_t)reach;
            self->candidates = (size_t)candidates;
            self->least = least;
            self->octave_cost = octave_cost;
            if (set_up(self, shape.buf, (size_t)samples, table.buf, (size_t)last, (size_t)longest, (size_t)points, cross) < 0)
                Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&table);
    PyBuffer_Release(&shape);
    return (PyObject *)self;
}

static void pitch_frames_dealloc(PyObject *object)
{
    PitchFrames *self = (PitchFrames *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->ready) {
        correlator_free(&self->correlator);
        peaks_free(&self->peaks);
    }
    free(self->correction);
    free(self->energy);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

/* Whether every frame lies in the samples. */
static int fits(const PitchFrames *self, const Task *task)
{
    const Correlator *c = &self->correlator;
    const double span = (double)(c->window_samples + (c->cross ? c->last : 0));
    const double reach = (double)self->reach, count = (double)task->count;
    for (size_t k = 0; k < task->frames; k++) {
        const double left = task->left[k], start = task->start[k];
        if (!(start >= 0.0 && start + span <= count && left + 1.0 >= reach && left + 1.0 + reach <= count))
            return 0;
    }
    return 1;
}

static PyObject *pitch_frames_measure(PyObject *object, PyObject *args)
{
    static const char *const name[] = {"samples", "left", "start", "lags", "strengths", "intensities"};
    PitchFrames *self = (PitchFrames *)object;
    PyObject *given[6], *result = NULL;
    Py_buffer view[6];
    Task task;
    if (!PyArg_ParseTuple(args, "OOOddOOO:measure", &given[0], &given[1], &given[2], &task.peak, &task.silent, &given[3],
                          &given[4], &given[5]))
        return NULL;
    int held = 0;
    while (held < 6 && get_items(given[held], &view[held], held == 0 ? 'f' : 'd', held > 2, name[held]) == 0)
        held++;
    if (held == 6) {
        const Py_ssize_t frames = view[1].len / (Py_ssize_t)sizeof(double), wanted = frames * (Py_ssize_t)self->candidates;
        task.samples = view[0].buf;
        task.count = (size_t)view[0].len / sizeof(float);
        task.left = view[1].buf;
        task.start = view[2].buf;
        task.frames = (size_t)frames;
        task.lags = view[3].buf;
        task.strengths = view[4].buf;
        task.intensities = view[5].buf;
        if (view[2].len != view[1].len || view[5].len != view[1].len ||
            view[3].len != wanted * (Py_ssize_t)sizeof(double) || view[4].len != view[3].len) {
            PyErr_Format(PyExc_ValueError, "start and intensities must be (%zd,), lags and strengths (%zd, %zu)", frames,
                         frames, self->candidates);
        } else if (!fits(self, &task)) {
            PyErr_SetString(PyExc_ValueError, "every frame must lie within the samples");
        } else if (self->busy) {
            PyErr_SetString(PyExc_RuntimeError, "this PitchFrames is measuring in another thread");
        } else {
            self->busy = 1;
            Py_BEGIN_ALLOW_THREADS
            measure_all(self, &task);
            Py_END_ALLOW_THREADS
            self->busy = 0;
            result = Py_NewRef(Py_None);
        }
    }
    while (held > 0)
        PyBuffer_Release(&view[--held]);
    return result;
}

static PyMethodDef methods[] = {
    {"measure", pitch_frames_measure, METH_VARARGS, "Write lags and strengths of the candidates of each frame."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Candidates for the pitch of frames of a sound."},
    {Py_tp_new, (void *)pitch_frames_new},
    {Py_tp_dealloc, (void *)pitch_frames_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.PitchFrames",
    .basicsize = sizeof(PitchFrames),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_pitch_frames(PyObject *module)
{
    return add_type(module, &spec);
}
