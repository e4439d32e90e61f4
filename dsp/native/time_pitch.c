/* The object TimePitch: lengths checked, state kept; time_pitch_run.c reads the sound. */
#include "time_pitch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LONGEST = 1 << 16,
    MAX_CHANNELS = 64,
    MARGIN = 8, /* samples read beyond what is exactly needed, for rounding */
};

/* Refuses a pitch at which reading would drift further in a fade than the leap after it can make up for. */
static int refuse_drift(const Shifter *s, double pitch)
{
    if (fabs(pitch - s->tempo) * (double)s->fade <= (double)s->shortest)
        return 0;
    PyErr_SetString(PyExc_ValueError, "shortest must be fade times the difference of pitch and tempo, or more");
    return -1;
}

static int set_up(Shifter *s, Py_buffer *kernel)
{
    if (kernel->ndim != 2 || kernel->shape[0] < 2 || kernel->shape[1] < 2 || kernel->shape[1] > MAX_TAPS ||
        kernel->shape[1] % 2) {
        PyErr_Format(PyExc_ValueError, "kernel must have shape (phases + 1, taps), an even 2 to %d taps", MAX_TAPS);
        return -1;
    }
    if (!(s->pitch >= 0.2 && s->pitch <= s->highest && s->highest <= 5.0 && s->tempo >= 0.2 && s->tempo <= 5.0)) {
        PyErr_SetString(PyExc_ValueError, "pitch and tempo must be 0.2 to 5, pitch no more than highest");
        return -1;
    }
    if (s->channels < 1 || s->channels > MAX_CHANNELS || s->fade < 1 || s->shortest < 2 ||
        s->longest < s->shortest || s->longest > MAX_LONGEST || s->fade > MAX_LONGEST) {
        PyErr_Format(PyExc_ValueError, "channels must be 1 to %d, 1 <= fade, 2 <= shortest <= longest <= %d",
                     MAX_CHANNELS, MAX_LONGEST);
        return -1;
    }
    if (refuse_drift(s, s->pitch) < 0)
        return -1;
    s->phases = kernel->shape[0] - 1;
    s->taps = kernel->shape[1];
    /* How far a reader may get ahead, and fall behind, during a fade. */
    const double faster = s->highest > s->tempo ? s->highest - s->tempo : 0.0;
    const Py_ssize_t ahead = (Py_ssize_t)ceil(faster * (double)s->fade);
    const Py_ssize_t behind = (Py_ssize_t)ceil(s->tempo * (double)s->fade);
    s->match = (Py_ssize_t)ceil(s->highest * (double)s->fade);
    s->delay = s->longest / 2 + ahead + s->match + s->taps / 2 + MARGIN;
    s->keep = s->delay + 2 * s->longest + 2 * behind + s->match + s->taps + MARGIN + CHUNK;
    s->room = s->keep + 4 * CHUNK;
    s->kernel = malloc((size_t)kernel->len);
    s->heard = malloc((size_t)(s->channels * s->room) * sizeof(float));
    s->scores = malloc((size_t)(s->longest + 2) * sizeof(double));
    if (s->kernel == NULL || s->heard == NULL || s->scores == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(s->kernel, kernel->buf, (size_t)kernel->len);
    clear_shifter(s);
    return 0;
}

static PyObject *shifter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"kernel", "pitch", "tempo", "highest", "channels", "shortest", "longest", "fade", NULL};
    PyObject *object;
    double pitch, tempo, highest;
    Py_ssize_t channels, shortest, longest, fade;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Odd$dnnnn:TimePitch", names, &object, &pitch, &tempo, &highest,
                                     &channels, &shortest, &longest, &fade))
        return NULL;
    Py_buffer kernel;
    if (get_items(object, &kernel, 'f', 0, "kernel") < 0)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Shifter *self = (Shifter *)allocate(type, 0);
    if (self != NULL) {
        self->pitch = pitch;
        self->tempo = tempo;
        self->highest = highest;
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
    return PyLong_FromLongLong((long long)(samples_due(self, self->taken + (n > 0 ? n : 0)) - self->made));
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
    const Py_ssize_t m = (Py_ssize_t)(samples_due(self, self->taken + n) - self->made);
    if (out.ndim != 2 || out.shape[0] != self->channels || out.shape[1] != m) {
        PyErr_Format(PyExc_ValueError, "out must have shape (%zd, %zd)", self->channels, m);
        goto done;
    }
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    run_shifter(self, in.buf, n, out.buf, m);
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
    clear_shifter(self);
    Py_RETURN_NONE;
}

static PyObject *shifter_set(Shifter *self, PyObject *args)
{
    PyObject *object;
    double pitch;
    Py_buffer kernel;
    if (!PyArg_ParseTuple(args, "Od:set", &object, &pitch) || get_items(object, &kernel, 'f', 0, "kernel") < 0)
        return NULL;
    PyObject *result = NULL;
    if (refuse_busy(self) < 0)
        goto done;
    if (kernel.ndim != 2 || kernel.shape[0] != self->phases + 1 || kernel.shape[1] != self->taps) {
        PyErr_Format(PyExc_ValueError, "kernel must have shape (%zd, %zd) as before", self->phases + 1, self->taps);
        goto done;
    }
    if (!(pitch >= 0.2 && pitch <= self->highest)) {
        PyErr_SetString(PyExc_ValueError, "pitch must be 0.2 or more and no more than highest");
        goto done;
    }
    if (refuse_drift(self, pitch) < 0)
        goto done;
    memcpy(self->kernel, kernel.buf, (size_t)kernel.len);
    self->pitch = pitch;
    result = Py_None;
    Py_INCREF(result);
done:
    PyBuffer_Release(&kernel);
    return result;
}

static PyObject *shifter_adopt(Shifter *self, PyObject *object)
{
    if (Py_TYPE(object) != Py_TYPE((PyObject *)self))
        return PyErr_Format(PyExc_TypeError, "adopt() takes a TimePitch, got %R", Py_TYPE(object));
    const Shifter *other = (const Shifter *)object;
    if (refuse_busy(self) < 0 || refuse_busy(other) < 0)
        return NULL;
    if (other->channels != self->channels || other->room != self->room || other->keep != self->keep ||
        other->delay != self->delay || other->fade != self->fade || other->tempo != self->tempo) {
        PyErr_SetString(PyExc_ValueError, "only a TimePitch of the same lengths, tempo and channels can be adopted");
        return NULL;
    }
    memcpy(self->heard, other->heard, (size_t)(self->channels * self->room) * sizeof(float));
    self->fill = other->fill;
    self->base = other->base;
    self->taken = other->taken;
    self->made = other->made;
    self->place = other->place;
    self->next = other->next;
    self->alike = other->alike;
    self->faded = other->faded;
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
    {"set", (PyCFunction)shifter_set, METH_VARARGS, "Take another kernel and pitch; reading goes on where it is."},
    {"adopt", (PyCFunction)shifter_adopt, METH_O, "Take the state of another one."},
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
