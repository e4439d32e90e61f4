/* Speech level meter: ITU-T P.56 (12/2011) method B in one pass, and what else a call asks of its audio.

   Per sample: two first-order envelopes (T = 30 ms) in double precision. Activity against the whole ladder of
   thresholds is kept lazily: the top ten bits of the envelope as a float name the highest threshold it has
   reached, so counters are touched only when that name changes. Per sub-frame of 1 ms: peak, clipping, gaps.
   A sub-frame begins at a fixed sample number whatever the blocks, so the pieces equal the whole. */

#include "native.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    THRESHOLDS = 44,              /* 2^-18, 1.5 * 2^-18, 2^-17 ... 1.5 * 2^3: steps of at most 2:1 */
    LOWEST_NAME = (127 - 18) * 2, /* float exponent and first mantissa bit of 2^-18 */
    MAX_SUBFRAME = 96,
    SUBFRAMES_PER_FRAME = 20,
    CLIP_RUN = 3,
    LOOK_BACK = 3, /* sub-frames before a gap that must have carried sound */
    GIL_SAMPLES = 16384,
};

static const float CLIP_LEVEL = 0.98f;      /* G.711 cannot say more than 0.9803 (mu-law) or 0.9844 (A-law) */
static const float GAP_LEVEL = 3e-4f;       /* the smallest A-law value is 2.4e-4 */
static const float BEFORE_GAP_LEVEL = 0.01f; /* -40 dB of full scale */

typedef struct {
    PyObject_HEAD
    double keep, take;  /* g and 1 - g of P.56 */
    double silent_energy; /* of one whole frame */
    int32_t subframe, hangover, gap_min, gap_max;
    int busy;
    /* from here on: what reset() clears */
    double p, q, sum, squares, frame_energy;
    int64_t count, not_finite, clipped, clip_runs, frames, silent_frames, first_sound, last_sound;
    int64_t gaps, gap_samples, quiet_run;
    int64_t active[THRESHOLDS], since[THRESHOLDS];
    int32_t hang[THRESHOLDS]; /* 0 until the threshold was reached once */
    int32_t reached;          /* thresholds at or below the envelope */
    int32_t clip_side, clip_run; /* which rail the run is at: 1, -1, or 0 for none */
    int32_t in_subframe, in_frame;
    float peak, before_gap, recent[LOOK_BACK + 1]; /* recent[0] is the sub-frame being filled */
} Meter;

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float value_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void clear(Meter *m)
{
    memset((char *)m + offsetof(Meter, p), 0, sizeof *m - offsetof(Meter, p));
    m->first_sound = m->last_sound = -1;
}

/* The envelope moved to another step of the ladder at sample number `now`. */
static void step(Meter *m, int32_t reached, int64_t now)
{
    while (m->reached < reached) { /* the pause that ends counts up to the hangover */
        int32_t j = m->reached++;
        int64_t pause = now - m->since[j];
        m->active[j] += pause < m->hang[j] ? pause : m->hang[j];
        m->since[j] = now;
    }
    while (m->reached > reached) {
        int32_t j = --m->reached;
        m->active[j] += now - m->since[j];
        m->since[j] = now;
        m->hang[j] = m->hangover;
    }
}

static void envelope(Meter *m, const float *x, int32_t n)
{
    const double keep = m->keep, take = m->take;
    double p = m->p, q = m->q, sum = m->sum, squares = m->frame_energy;
    for (int32_t i = 0; i < n; i++) {
        double v = x[i];
        sum += v;
        squares += v * v;
        p = keep * p + take * fabs(v); /* P.56 method B: twice smoothed, the same constant */
        q = keep * q + take * p;
        int32_t reached = (int32_t)(bits_of((float)q) >> 22) - LOWEST_NAME + 1;
        reached = reached < 0 ? 0 : reached > THRESHOLDS ? THRESHOLDS : reached;
        if (reached != m->reached)
            step(m, reached, m->count + i);
    }
    m->p = p;
    m->q = q;
    m->sum = sum;
    m->frame_energy = squares;
}

static void clipping(Meter *m, const float *x, int32_t n, float peak)
{
    if (peak < CLIP_LEVEL) {
        m->clip_side = 0;
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t side = x[i] >= CLIP_LEVEL ? 1 : x[i] <= -CLIP_LEVEL ? -1 : 0;
        if (side != m->clip_side)
            m->clip_run = 0;
        m->clip_side = side;
        if (side == 0)
            continue;
        if (m->clip_run < CLIP_RUN) { /* counts no further: a run may outlast any counter */
            if (++m->clip_run < CLIP_RUN)
                continue;
            m->clip_runs++;
            m->clipped += CLIP_RUN;
        } else {
            m->clipped++;
        }
    }
}

static float sound_before(const Meter *m)
{
    float most = 0;
    for (int i = 0; i <= LOOK_BACK; i++)
        most = m->recent[i] > most ? m->recent[i] : most;
    return most;
}

/* Near-zero runs, counted to the sample; only those that touch an end of this piece can be long enough. */
static void gaps(Meter *m, const float *x, int32_t n, float peak)
{
    if (peak <= GAP_LEVEL) {
        if (m->quiet_run == 0)
            m->before_gap = sound_before(m);
        m->quiet_run += n;
        return;
    }
    int32_t head = 0, tail = 0;
    while (fabsf(x[head]) <= GAP_LEVEL)
        head++;
    while (fabsf(x[n - 1 - tail]) <= GAP_LEVEL)
        tail++;
    int64_t run = m->quiet_run + head;
    if (m->quiet_run > 0 && run >= m->gap_min && run <= m->gap_max && m->before_gap >= BEFORE_GAP_LEVEL) {
        m->gaps++;
        m->gap_samples += run;
    }
    if (peak > m->recent[0])
        m->recent[0] = peak;
    m->quiet_run = tail;
    if (tail > 0)
        m->before_gap = sound_before(m);
}

static void end_subframe(Meter *m)
{
    m->in_subframe = 0;
    memmove(m->recent + 1, m->recent, LOOK_BACK * sizeof m->recent[0]);
    m->recent[0] = 0;
    if (m->q < 1e-12) /* before it turns denormal, six decades under the lowest threshold */
        m->p = m->q = 0;
    if (++m->in_frame < SUBFRAMES_PER_FRAME)
        return;
    m->in_frame = 0;
    m->frames++;
    if (m->frame_energy < m->silent_energy) {
        m->silent_frames++;
    } else {
        m->last_sound = m->count;
        if (m->first_sound < 0)
            m->first_sound = m->count - (int64_t)SUBFRAMES_PER_FRAME * m->subframe;
    }
    m->squares += m->frame_energy;
    m->frame_energy = 0;
}

static void process(Meter *m, const float *x, Py_ssize_t size)
{
    float finite[MAX_SUBFRAME];
    while (size > 0) {
        int32_t n = m->subframe - m->in_subframe;
        if (n > size)
            n = (int32_t)size;
        int32_t most = 0; /* non-negative floats order as their bits do, NaN and Inf on top */
        for (int32_t i = 0; i < n; i++) {
            int32_t magnitude = (int32_t)(bits_of(x[i]) & 0x7fffffffu);
            most = magnitude > most ? magnitude : most;
        }
        const float *in = x;
        if (most >= 0x7f800000) {
            most = 0;
            for (int32_t i = 0; i < n; i++) {
                int32_t magnitude = (int32_t)(bits_of(x[i]) & 0x7fffffffu);
                int bad = magnitude >= 0x7f800000;
                finite[i] = bad ? 0.0f : x[i];
                m->not_finite += bad;
                most = !bad && magnitude > most ? magnitude : most;
            }
            in = finite;
        }
        float peak = value_of((uint32_t)most);
        if (peak > m->peak)
            m->peak = peak;
        envelope(m, in, n);
        clipping(m, in, n, peak);
        gaps(m, in, n, peak);
        m->count += n;
        m->in_subframe += n;
        if (m->in_subframe == m->subframe)
            end_subframe(m);
        x += n;
        size -= n;
    }
}

static PyObject *meter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sample_rate_hz", "silence_dbov", NULL};
    int rate;
    double silence_dbov = -60.0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|d:SpeechMeter", names, &rate, &silence_dbov))
        return NULL;
    if (rate < 8000 || rate > MAX_SUBFRAME * 1000)
        return PyErr_Format(PyExc_ValueError, "sample_rate_hz must be 8000 to %d, got %d",
                            MAX_SUBFRAME * 1000, rate);
    if (!isfinite(silence_dbov)) {
        PyErr_SetString(PyExc_ValueError, "silence_dbov must be a finite level");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Meter *m = (Meter *)alloc(type, 0);
    if (m == NULL)
        return NULL;
    m->keep = exp(-1.0 / (rate * 0.03)); /* P.56: time constant of smoothing 0.03 s */
    m->take = 1.0 - m->keep;
    m->hangover = (int32_t)lround(rate * 0.2); /* P.56: hangover time 0.2 s */
    m->subframe = (int32_t)lround(rate / 1000.0);
    m->gap_min = 5 * m->subframe;
    m->gap_max = rate;
    m->silent_energy = pow(10.0, silence_dbov / 10.0) * m->subframe * SUBFRAMES_PER_FRAME;
    m->busy = 0;
    clear(m);
    return (PyObject *)m;
}

static void meter_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *meter_process(PyObject *self, PyObject *block)
{
    Meter *m = (Meter *)self;
    Py_buffer view;
    if (get_items(block, &view, 'f', 0, "block") < 0)
        return NULL;
    if (m->busy) { /* getting the buffer may have run Python code, so look only now */
        PyErr_SetString(PyExc_RuntimeError, "this meter is in use by another thread");
        PyBuffer_Release(&view);
        return NULL;
    }
    if (view.ndim != 1) {
        PyErr_Format(PyExc_ValueError, "block must have one dimension, got %d", view.ndim);
        PyBuffer_Release(&view);
        return NULL;
    }
    Py_ssize_t size = view.len / (Py_ssize_t)sizeof(float);
    if (size < GIL_SAMPLES) { /* shorter work than handing the lock over and back */
        process(m, view.buf, size);
    } else {
        m->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        process(m, view.buf, size);
        Py_END_ALLOW_THREADS
        m->busy = 0;
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *meter_reset(PyObject *self, PyObject *Py_UNUSED(none))
{
    Meter *m = (Meter *)self;
    if (m->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this meter is in use by another thread");
        return NULL;
    }
    clear(m);
    Py_RETURN_NONE;
}

/* Pairs (threshold, samples at or above it, hangover included). */
static PyObject *activity(const Meter *m)
{
    PyObject *ladder = PyTuple_New(THRESHOLDS);
    if (ladder == NULL)
        return NULL;
    for (int32_t j = 0; j < THRESHOLDS; j++) {
        int64_t open = m->count - m->since[j];
        if (j >= m->reached && open > m->hang[j])
            open = m->hang[j];
        double threshold = value_of((uint32_t)(j + LOWEST_NAME) << 22);
        PyObject *pair = Py_BuildValue("(dL)", threshold, (long long)(m->active[j] + open));
        if (pair == NULL || PyTuple_SetItem(ladder, j, pair) < 0) {
            Py_DECREF(ladder);
            return NULL;
        }
    }
    return ladder;
}

static PyObject *meter_read(PyObject *self, PyObject *Py_UNUSED(none))
{
    const Meter *m = (const Meter *)self;
    if (m->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this meter is in use by another thread");
        return NULL;
    }
    PyObject *ladder = activity(m);
    if (ladder == NULL)
        return NULL;
    return Py_BuildValue("(LddfLLLLLLLLLN)", (long long)m->count, m->sum, m->squares + m->frame_energy,
                         m->peak, (long long)m->not_finite, (long long)m->clipped, (long long)m->clip_runs,
                         (long long)m->frames, (long long)m->silent_frames, (long long)m->first_sound,
                         (long long)m->last_sound, (long long)m->gaps, (long long)m->gap_samples, ladder);
}

static PyMethodDef meter_methods[] = {
    {"process", meter_process, METH_O, "Measure one block of contiguous float32 samples, of any length."},
    {"read", meter_read, METH_NOARGS, "Raw counts so far; reading changes nothing."},
    {"reset", meter_reset, METH_NOARGS, "Forget everything heard."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot meter_slots[] = {
    {Py_tp_new, (void *)meter_new},
    {Py_tp_dealloc, (void *)meter_dealloc},
    {Py_tp_methods, meter_methods},
    {Py_tp_doc, "SpeechMeter(sample_rate_hz, silence_dbov=-60.0): P.56 level and faults, in one pass."},
    {0, NULL},
};

static PyType_Spec meter_spec = {
    .name = "dsp._native.SpeechMeter",
    .basicsize = sizeof(Meter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = meter_slots,
};

int add_meter(PyObject *module)
{
    return add_type(module, &meter_spec);
}
