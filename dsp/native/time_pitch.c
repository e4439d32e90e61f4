/* The object TimePitch: tempo and pitch of sound changed in the time domain, by reading on and now and then
   leaping by a whole number of periods (synchronised overlap-add; Roucos and Wilgus 1985, Verhelst and Roelands 1993).

   Output sample k belongs at input time k tempo - delay. What is read there moves by `pitch` each sample, so it
   drifts from where it belongs; when it is `longest / 2` off, a second reader begins `lag` away, where the sound is
   most like that at the first, and a raised cosine fades from one to the other. Voices keep their waveform: the lag is a
   multiple of the period. All decisions hang on sample numbers only, so the pieces equal the whole. */
#include "native.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 1024, /* input samples taken into the buffer at once */
    MAX_TAPS = 512,
    MAX_LONGEST = 1 << 16,
    MAX_CHANNELS = 64,
    LANES = 8,
    MARGIN = 8, /* samples read beyond what is exactly needed, for rounding */
};

static const double PI = 3.1415926535897932384626433832795;
static const double LOUDER = 2.0, LOUDER_COST = 0.3; /* power between two places against that at them */
static const double LONG_LEAP_BONUS = 0.05; /* of two lags alike the longer one: fewer leaps */

typedef struct {
    PyObject_HEAD
    float *kernel; /* (phases + 1) rows of `taps` */
    Py_ssize_t taps, phases;
    double pitch, tempo;
    Py_ssize_t channels, shortest, longest, fade, match, delay, keep;
    float *heard; /* channels rows of `room` */
    Py_ssize_t room, fill;
    double *scores;
    int busy;
    /* from here on: what reset() clears */
    int64_t base; /* input number of heard[0] */
    int64_t taken, made;
    double place, next; /* input times of the two readers */
    double alike;       /* correlation of the two, while fading */
    Py_ssize_t faded;   /* samples of the fade done; `fade` when there is none */
} Shifter;

static void clear(Shifter *s)
{
    memset(s->heard, 0, (size_t)(s->channels * s->room) * sizeof(float));
    s->fill = s->keep;
    s->base = -(int64_t)s->keep;
    s->taken = s->made = 0;
    s->place = -(double)s->delay;
    s->next = s->alike = 0.0;
    s->faded = s->fade;
}

static void products(const float *a, const float *b, Py_ssize_t n, double *cross)
{
    float sums[LANES] = {0.0f};
    Py_ssize_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sums[0] += a[i] * b[i];
    for (int k = 0; k < LANES; k++)
        *cross += sums[k];
}

/* Power of sample i of the buffer, all channels together. */
static double energy_at(const Shifter *s, Py_ssize_t i)
{
    double sum = 0.0;
    for (Py_ssize_t c = 0; c < s->channels; c++) {
        const double x = s->heard[c * s->room + i];
        sum += x * x;
    }
    return sum;
}

/* Distance, in input samples, to where the sound is most like that at the reader; signed. */
static double find_lag(Shifter *s)
{
    const int step = s->pitch > s->tempo ? -1 : 1;
    const Py_ssize_t here = (Py_ssize_t)((int64_t)floor(s->place) - s->base);
    double energy = 0.0, other = 0.0;
    for (Py_ssize_t c = 0; c < s->channels; c++) {
        const float *x = s->heard + c * s->room + here;
        products(x, x, s->match, &energy);
    }
    Py_ssize_t best = (s->shortest + s->longest) / 2;
    double most = -HUGE_VAL;
    double between = 0.0; /* energy of what would be left out, or heard twice */
    for (Py_ssize_t lag = 0; lag < s->shortest - 1; lag++)
        between += energy_at(s, step > 0 ? here + lag : here - 1 - lag);
    /* One lag beyond each end, so that a peak has two neighbours. */
    for (Py_ssize_t lag = s->shortest - 1; lag <= s->longest + 1; lag++) {
        double cross = 0.0;
        other = 0.0;
        for (Py_ssize_t c = 0; c < s->channels; c++) {
            const float *x = s->heard + c * s->room + here;
            products(x, x + step * lag, s->match, &cross);
            products(x + step * lag, x + step * lag, s->match, &other);
        }
        const double scale = energy * other;
        const double score = scale > 1e-24 ? cross / sqrt(scale) : energy + other < 1e-12 ? 1.0 : 0.0;
        s->scores[lag] = score;
        /* A sound that begins or ends in between would be lost, or be heard twice. */
        const double around = 0.5 * (energy + other) / (double)s->match + 1e-12;
        const double excess = between / (double)lag / around;
        const double wish = score * (1.0 + LONG_LEAP_BONUS * (double)lag / (double)s->longest) -
                            (excess > LOUDER ? LOUDER_COST * log(excess / LOUDER) : 0.0);
        if (lag >= s->shortest && lag <= s->longest && wish > most) {
            most = wish;
            best = lag;
        }
        between += energy_at(s, step > 0 ? here + lag : here - 1 - lag);
    }
    const double left = s->scores[best - 1], middle = s->scores[best], right = s->scores[best + 1];
    const double bend = left - 2.0 * middle + right;
    double fine = bend < -1e-12 ? 0.5 * (left - right) / bend : 0.0;
    fine = fine < -0.5 ? -0.5 : fine > 0.5 ? 0.5 : fine;
    s->alike = middle > 0.0 ? (middle < 1.0 ? middle : 1.0) : 0.0;
    return step * ((double)best + fine);
}

/* Adds `weight` times the sound at input time `place` to sample `j` of each row of `out`. */
static void read_at(const Shifter *s, double place, float weight, float *out, Py_ssize_t stride, Py_ssize_t j)
{
    float taps[MAX_TAPS];
    const double whole = floor(place);
    const double phase = (place - whole) * (double)s->phases;
    const Py_ssize_t row = (Py_ssize_t)phase;
    const float part = (float)(phase - (double)row);
    const float *a = s->kernel + row * s->taps, *b = a + s->taps;
    for (Py_ssize_t t = 0; t < s->taps; t++)
        taps[t] = a[t] + part * (b[t] - a[t]);
    const Py_ssize_t start = (Py_ssize_t)((int64_t)whole - s->base) - s->taps / 2 + 1;
    for (Py_ssize_t c = 0; c < s->channels; c++) {
        double sum = 0.0;
        products(s->heard + c * s->room + start, taps, s->taps, &sum);
        out[c * stride + j] += weight * (float)sum;
    }
}

static void make_sample(Shifter *s, float *out, Py_ssize_t stride, Py_ssize_t j)
{
    for (Py_ssize_t c = 0; c < s->channels; c++)
        out[c * stride + j] = 0.0f;
    const double belongs = (double)s->made * s->tempo - (double)s->delay;
    const double drift = s->place - belongs;
    if (s->faded == s->fade && fabs(drift) >= 0.5 * (double)s->longest && drift * (s->pitch - s->tempo) > 0.0) {
        s->next = s->place + find_lag(s);
        s->faded = 0;
    }
    if (s->faded < s->fade) {
        const double rise = 0.5 - 0.5 * cos(PI * ((double)s->faded + 0.5) / (double)s->fade);
        const double fall = 1.0 - rise;
        /* The power of a sum of two sounds as much alike as these stays what it was. */
        const double power = rise * rise + fall * fall + 2.0 * s->alike * rise * fall;
        const double scale = 1.0 / sqrt(power);
        read_at(s, s->place, (float)(fall * scale), out, stride, j);
        read_at(s, s->next, (float)(rise * scale), out, stride, j);
        s->next += s->pitch;
        if (++s->faded == s->fade)
            s->place = s->next;
        else
            s->place += s->pitch;
    } else {
        read_at(s, s->place, 1.0f, out, stride, j);
        s->place += s->pitch;
    }
    s->made++;
}

/* Output samples there are after `taken` samples of input. */
static int64_t due(const Shifter *s, int64_t taken)
{
    if (taken <= 0)
        return 0;
    int64_t count = (int64_t)floor((double)(taken - 1) / s->tempo) + 1;
    while ((double)count * s->tempo <= (double)(taken - 1))
        count++;
    while (count > 0 && (double)(count - 1) * s->tempo > (double)(taken - 1))
        count--;
    return count;
}

static void shift(Shifter *s, const float *x, Py_ssize_t n, float *out, Py_ssize_t m)
{
    Py_ssize_t j = 0;
    for (Py_ssize_t at = 0; at < n;) {
        Py_ssize_t count = n - at < CHUNK ? n - at : CHUNK;
        if (s->fill + count > s->room) {
            const Py_ssize_t drop = s->fill - s->keep;
            for (Py_ssize_t c = 0; c < s->channels; c++)
                memmove(s->heard + c * s->room, s->heard + c * s->room + drop, (size_t)s->keep * sizeof(float));
            s->base += drop;
            s->fill = s->keep;
        }
        for (Py_ssize_t c = 0; c < s->channels; c++)
            memcpy(s->heard + c * s->room + s->fill, x + c * n + at, (size_t)count * sizeof(float));
        s->fill += count;
        s->taken += count;
        at += count;
        for (const int64_t end = due(s, s->taken); s->made < end; j++)
            make_sample(s, out, m, j);
    }
}

static int set_up(Shifter *s, Py_buffer *kernel)
{
    if (kernel->ndim != 2 || kernel->shape[0] < 2 || kernel->shape[1] < 2 || kernel->shape[1] > MAX_TAPS ||
        kernel->shape[1] % 2) {
        PyErr_Format(PyExc_ValueError, "kernel must have shape (phases + 1, taps), an even 2 to %d taps", MAX_TAPS);
        return -1;
    }
    if (!(s->pitch >= 0.2 && s->pitch <= 5.0 && s->tempo >= 0.2 && s->tempo <= 5.0)) {
        PyErr_SetString(PyExc_ValueError, "pitch and tempo must be 0.2 to 5");
        return -1;
    }
    if (s->channels < 1 || s->channels > MAX_CHANNELS || s->fade < 1 || s->shortest < 2 ||
        s->longest < s->shortest || s->longest > MAX_LONGEST || s->fade > MAX_LONGEST) {
        PyErr_Format(PyExc_ValueError, "channels must be 1 to %d, 1 <= fade, 2 <= shortest <= longest <= %d",
                     MAX_CHANNELS, MAX_LONGEST);
        return -1;
    }
    s->phases = kernel->shape[0] - 1;
    s->taps = kernel->shape[1];
    const Py_ssize_t slip = (Py_ssize_t)ceil(fabs(s->pitch - s->tempo) * (double)s->fade);
    s->match = (Py_ssize_t)ceil(s->pitch * (double)s->fade);
    s->delay = s->longest / 2 + slip + s->match + s->taps / 2 + MARGIN;
    /* The reader that leaps is at most so far behind the newest sample of a chunk. */
    s->keep = s->delay + 2 * s->longest + 2 * slip + s->match + s->taps + MARGIN + CHUNK;
    s->room = s->keep + 4 * CHUNK;
    s->kernel = malloc((size_t)kernel->len);
    s->heard = malloc((size_t)(s->channels * s->room) * sizeof(float));
    s->scores = malloc((size_t)(s->longest + 2) * sizeof(double));
    if (s->kernel == NULL || s->heard == NULL || s->scores == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(s->kernel, kernel->buf, (size_t)kernel->len);
    clear(s);
    return 0;
}

static PyObject *shifter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"kernel", "pitch", "tempo", "channels", "shortest", "longest", "fade", NULL};
    PyObject *object;
    double pitch, tempo;
    Py_ssize_t channels, shortest, longest, fade;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Odd$nnnn:TimePitch", names, &object, &pitch, &tempo, &channels,
                                     &shortest, &longest, &fade))
        return NULL;
    Py_buffer kernel;
    if (get_items(object, &kernel, 'f', 0, "kernel") < 0)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Shifter *self = (Shifter *)allocate(type, 0);
    if (self != NULL) {
        self->pitch = pitch;
        self->tempo = tempo;
        self->channels = channels;
        self->shortest = shortest;
        self->longest = longest;
        self->fade = fade;
        if (set_up(self, &kernel) < 0)
            Py_CLEAR(self);
    }
    PyBuffer_Release(&kernel);
    return (PyObject *)self;
}

static void shifter_dealloc(Shifter *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->kernel);
    free(self->heard);
    free(self->scores);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_busy(const Shifter *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this TimePitch is at work in another thread");
    return -1;
}

static PyObject *shifter_output_samples(Shifter *self, PyObject *count)
{
    const Py_ssize_t n = PyLong_AsSsize_t(count);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLongLong((long long)(due(self, self->taken + (n > 0 ? n : 0)) - self->made));
}

static PyObject *shifter_process(Shifter *self, PyObject *args)
{
    PyObject *objects[2];
    Py_buffer in, out;
    if (!PyArg_ParseTuple(args, "OO:process", &objects[0], &objects[1]))
        return NULL;
    if (get_items(objects[0], &in, 'f', 0, "block") < 0)
        return NULL;
    if (get_items(objects[1], &out, 'f', 1, "out") < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    PyObject *result = NULL;
    if (refuse_busy(self) < 0)
        goto done;
    if (in.ndim != 2 || in.shape[0] != self->channels) {
        PyErr_Format(PyExc_ValueError, "block must have shape (%zd, n)", self->channels);
        goto done;
    }
    const Py_ssize_t n = in.shape[1];
    const Py_ssize_t m = (Py_ssize_t)(due(self, self->taken + n) - self->made);
    if (out.ndim != 2 || out.shape[0] != self->channels || out.shape[1] != m) {
        PyErr_Format(PyExc_ValueError, "out must have shape (%zd, %zd)", self->channels, m);
        goto done;
    }
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    shift(self, in.buf, n, out.buf, m);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    result = Py_None;
    Py_INCREF(result);
done:
    PyBuffer_Release(&in);
    PyBuffer_Release(&out);
    return result;
}

static PyObject *shifter_reset(Shifter *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    clear(self);
    Py_RETURN_NONE;
}

static PyObject *shifter_delay(Shifter *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(self->delay);
}

static PyMethodDef methods[] = {
    {"output_samples", (PyCFunction)shifter_output_samples, METH_O, "Samples the next block of so many will give."},
    {"process", (PyCFunction)shifter_process, METH_VARARGS, "Read a block, fill another."},
    {"reset", (PyCFunction)shifter_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"delay", (getter)shifter_delay, NULL, "Delay in samples of the input.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Tempo and pitch changed in the time domain, by leaps of whole periods."},
    {Py_tp_new, (void *)shifter_new},
    {Py_tp_dealloc, (void *)shifter_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.TimePitch",
    .basicsize = sizeof(Shifter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_time_pitch(PyObject *module)
{
    return add_type(module, &spec);
}
