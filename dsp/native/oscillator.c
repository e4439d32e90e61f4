/* The object OscillatorBank: sines of constant frequency and amplitude, their sum added to float32 blocks.

   A group of 64 samples is made at a time: with s and c the sine and cosine of a sine's phase where the group
   begins, its sample i is s cos(w i) + c sin(w i), and both factors in i come from a table of its own. The phase
   of a group's start is kept in turns and wrapped each time, so it drifts by 1e-16 turns a group at most. Groups
   begin at fixed sample numbers whatever the blocks, so the pieces equal the whole, bit by bit. */
#include "native.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUP = 64,
    MAX_SINES = 4096,
    GIL_SAMPLES = 16384, /* samples times sines; fewer take less time than getting the GIL back may */
};

static const double TAU = 6.283185307179586476925286766559;

typedef struct {
    double advance; /* turns a group, below 1 */
    double turns;   /* phase where the next group begins */
    double first;   /* the same before the first group */
    double sine[GROUP], cosine[GROUP]; /* amplitude times sin(w i), cos(w i) */
} Sine;

typedef struct {
    PyObject_HEAD
    Sine *sines;
    Py_ssize_t count;
    double group[GROUP];
    int used; /* samples of `group` already given out */
    int busy; /* read and written with the GIL held only */
} Bank;

static void clear(Bank *bank)
{
    for (Py_ssize_t k = 0; k < bank->count; k++)
        bank->sines[k].turns = bank->sines[k].first;
    bank->used = GROUP;
}

static void next_group(Bank *bank)
{
    double sum[GROUP] = {0.0};
    for (Py_ssize_t k = 0; k < bank->count; k++) {
        Sine *one = &bank->sines[k];
        const double s = sin(TAU * one->turns), c = cos(TAU * one->turns);
        for (int i = 0; i < GROUP; i++)
            sum[i] += s * one->cosine[i] + c * one->sine[i];
        one->turns += one->advance;
        one->turns -= floor(one->turns);
    }
    memcpy(bank->group, sum, sizeof sum);
    bank->used = 0;
}

static void add_sines(Bank *bank, float *x, Py_ssize_t n)
{
    while (n > 0) {
        if (bank->used == GROUP)
            next_group(bank);
        const Py_ssize_t ready = GROUP - bank->used;
        const Py_ssize_t count = n < ready ? n : ready;
        const double *from = bank->group + bank->used;
        for (Py_ssize_t i = 0; i < count; i++)
            x[i] = (float)((double)x[i] + from[i]);
        bank->used += (int)count;
        x += count;
        n -= count;
    }
}

static int set_sine(Sine *one, double frequency, double amplitude, double phase, Py_ssize_t k)
{
    if (!(frequency >= 0.0 && frequency <= 0.5)) {
        PyErr_Format(PyExc_ValueError, "frequency %zd must be 0 to 0.5 cycles a sample", k);
        return -1;
    }
    if (!isfinite(amplitude) || !isfinite(phase)) {
        PyErr_Format(PyExc_ValueError, "amplitude and phase %zd must be finite", k);
        return -1;
    }
    one->advance = frequency * GROUP - floor(frequency * GROUP);
    one->first = phase / TAU - floor(phase / TAU);
    for (int i = 0; i < GROUP; i++) {
        const double turns = frequency * i - floor(frequency * i);
        one->sine[i] = amplitude * sin(TAU * turns);
        one->cosine[i] = amplitude * cos(TAU * turns);
    }
    return 0;
}

static int read_sines(Bank *bank, PyObject *objects[3])
{
    static const char *const names[] = {"frequencies", "amplitudes", "phases"};
    Py_buffer views[3];
    int held = 0, failed = -1;
    for (; held < 3; held++)
        if (get_items(objects[held], &views[held], 'd', 0, names[held]) < 0)
            goto done;
    const Py_ssize_t count = views[0].len / (Py_ssize_t)sizeof(double);
    if (count > MAX_SINES || views[1].len != views[0].len || views[2].len != views[0].len) {
        PyErr_Format(PyExc_ValueError, "frequencies, amplitudes and phases must be as many, %d at most", MAX_SINES);
        goto done;
    }
    bank->sines = calloc(count > 0 ? (size_t)count : 1, sizeof *bank->sines);
    if (bank->sines == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    bank->count = count;
    for (Py_ssize_t k = 0; k < count; k++)
        if (set_sine(&bank->sines[k], ((const double *)views[0].buf)[k], ((const double *)views[1].buf)[k],
                     ((const double *)views[2].buf)[k], k) < 0)
            goto done;
    failed = 0;
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return failed;
}

static PyObject *bank_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"frequencies", "amplitudes", "phases", NULL};
    PyObject *objects[3];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:OscillatorBank", names, &objects[0], &objects[1],
                                     &objects[2]))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Bank *self = (Bank *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    if (read_sines(self, objects) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    clear(self);
    return (PyObject *)self;
}

static void bank_dealloc(Bank *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->sines);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_busy(const Bank *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this OscillatorBank is at work in another thread");
    return -1;
}

static PyObject *bank_add(Bank *self, PyObject *block)
{
    Py_buffer view;
    if (get_items(block, &view, 'f', 1, "block") < 0)
        return NULL;
    if (refuse_busy(self) < 0) {
        PyBuffer_Release(&view);
        return NULL;
    }
    const Py_ssize_t n = view.len / (Py_ssize_t)sizeof(float);
    if (n * (self->count + 1) < GIL_SAMPLES) {
        add_sines(self, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        add_sines(self, view.buf, n);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *bank_reset(Bank *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)bank_add, METH_O, "Add the next samples of the sum to a float32 block."},
    {"reset", (PyCFunction)bank_reset, METH_NOARGS, "Begin again with the phases given."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Sines of constant frequency and amplitude, their sum added to float32 blocks."},
    {Py_tp_new, (void *)bank_new},
    {Py_tp_dealloc, (void *)bank_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.OscillatorBank",
    .basicsize = sizeof(Bank),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_oscillator(PyObject *module)
{
    return add_type(module, &spec);
}
