/* The object BiquadCascade: coefficients checked, state kept; biquad_run.c filters. */
#include "biquad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SECTIONS = 256,
    MAX_CHANNELS = 1024,
    GIL_SAMPLES = 16384, /* fewer samples times sections take less time than getting the GIL back may */
};

typedef struct {
    PyObject_HEAD
    Group *groups; /* of all channels */
    State *states; /* of each channel's groups, channel after channel */
    Py_ssize_t group_count, sections, channels;
    Path path;
    int busy; /* read and written with the GIL held only */
} Cascade;

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

/* Puts the normalised *row* into lane *k*; 0, or -1 with an exception set. */
static int place(Group *group, int k, const double *row, Py_ssize_t i)
{
    group->b0[k] = row[0];
    group->a1[k] = row[4];
    group->a2[k] = row[5];
    group->h1[k] = fma(-row[4], row[0], row[1]);
    group->h2[k] = fma(-row[5], row[0], row[2]);
    if (isfinite(group->h1[k]) && isfinite(group->h2[k]))
        return 0;
    PyErr_Format(PyExc_ValueError, "section %zd overflows: its coefficients are too large", i);
    return -1;
}

/* Chooses how *group* runs. */
static void choose_run(Group *group, Path path)
{
    if (path == PATH_SCALAR)
        group->run = run_scalar;
    else if (path == PATH_BLOCK || (path == PATH_AUTO && group->sections <= BLOCK_SECTIONS))
        group->run = prepare_block(group) ? run_block : run_wavefront4;
    else if (path == PATH_AVX512 || (path == PATH_AUTO && group->sections > 4 && has_wavefront512()))
        group->run = run_wavefront512;
    else
        group->run = group->sections <= 4 ? run_wavefront4 : run_wavefront8;
}

/* How many sections a group takes. */
static Py_ssize_t group_size(Path path)
{
    return path == PATH_BLOCK ? BLOCK_SECTIONS : LANES;
}

/* Reads *sos* into new groups; NULL with an exception set if it is none. */
static Group *read_sections(PyObject *sos, Path path, Py_ssize_t *sections, Py_ssize_t *group_count)
{
    Py_buffer view;
    if (get_items(sos, &view, 'd', 0, "sos") < 0)
        return NULL;
    Group *groups = NULL;
    if (view.ndim != 2 || view.shape[1] != 6 || view.shape[0] < 1 || view.shape[0] > MAX_SECTIONS) {
        PyErr_Format(PyExc_ValueError, "sos must have shape (n, 6) with n from 1 to %d", MAX_SECTIONS);
        goto done;
    }
    const Py_ssize_t size = group_size(path);
    *sections = view.shape[0];
    *group_count = (*sections + size - 1) / size;
    groups = calloc((size_t)*group_count, sizeof *groups);
    if (groups == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < *group_count; i++)
        for (int k = 0; k < LANES; k++)
            groups[i].b0[k] = 1.0; /* changes nothing */
    for (Py_ssize_t i = 0; i < *sections; i++) {
        double row[6];
        Group *group = &groups[i / size];
        if (normalise((const double *)view.buf + 6 * i, i, row) < 0 ||
            place(group, group->sections++, row, i) < 0) {
            free(groups);
            groups = NULL;
            goto done;
        }
    }
    for (Py_ssize_t i = 0; i < *group_count; i++)
        choose_run(&groups[i], path);
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

/* The path called *form*, or the best one here if that is NULL; PATHS with an exception set if there is none. */
static Path path_of(const char *form, int simd)
{
    static const char *const names[PATHS] = {"auto", "scalar", "avx2", "avx512", "block"};
    const int here[PATHS] = {1, 1, has_wavefront(), has_wavefront512(), has_block()};
    if (form == NULL)
        return simd && has_wavefront() ? PATH_AUTO : PATH_SCALAR;
    for (int path = PATH_SCALAR; path < PATHS; path++)
        if (strcmp(form, names[path]) == 0) {
            if (here[path])
                return (Path)path;
            PyErr_Format(PyExc_ValueError, "this CPU has no %s", form);
            return PATHS;
        }
    PyErr_Format(PyExc_ValueError, "form must be scalar, avx2, avx512 or block, got %s", form);
    return PATHS;
}

static PyObject *cascade_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sos", "channels", "simd", "form", NULL};
    PyObject *sos;
    Py_ssize_t channels = 1;
    int simd = 1;
    const char *form = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n$pz:BiquadCascade", names, &sos, &channels, &simd, &form))
        return NULL;
    if (channels < 1 || channels > MAX_CHANNELS)
        return PyErr_Format(PyExc_ValueError, "channels must be from 1 to %d, got %zd", MAX_CHANNELS, channels);
    const Path path = path_of(form, simd);
    if (path == PATHS)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Cascade *self = (Cascade *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->channels = channels;
    self->path = path;
    self->groups = read_sections(sos, path, &self->sections, &self->group_count);
    if (self->groups == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    self->states = calloc((size_t)(channels * self->group_count), sizeof *self->states);
    if (self->states == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void cascade_dealloc(Cascade *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->groups);
    free(self->states);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* Gets the samples of *block*, shape (n,) or (channels, n); returns n, or -1 with an exception set. */
static Py_ssize_t get_block(const Cascade *self, PyObject *block, Py_buffer *view)
{
    if (get_items(block, view, 'f', 1, "block") < 0)
        return -1;
    if (view->ndim == 1 && self->channels == 1)
        return view->shape[0];
    if (view->ndim == 2 && view->shape[0] == self->channels)
        return view->shape[1];
    PyErr_Format(PyExc_ValueError, "block must have shape (%zd, n)%s", self->channels,
                 self->channels == 1 ? " or (n,)" : "");
    PyBuffer_Release(view);
    return -1;
}

static void run_channels(Cascade *self, float *samples, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < self->channels; i++)
        run_groups(self->groups, self->states + i * self->group_count, self->group_count, samples + i * n, n);
}

static PyObject *cascade_process(Cascade *self, PyObject *block)
{
    Py_buffer view;
    const Py_ssize_t n = get_block(self, block, &view);
    if (n < 0)
        return NULL;
    if (refuse_busy(self) < 0) {
        PyBuffer_Release(&view);
        return NULL;
    }
    if (n < GIL_SAMPLES / (self->sections * self->channels)) {
        run_channels(self, view.buf, n);
    } else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        run_channels(self, view.buf, n);
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
    memset(self->states, 0, (size_t)(self->channels * self->group_count) * sizeof *self->states);
    Py_RETURN_NONE;
}

static PyObject *cascade_set(Cascade *self, PyObject *sos)
{
    Py_ssize_t sections, group_count;
    Group *groups = read_sections(sos, self->path, &sections, &group_count);
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
    for (Py_ssize_t i = 0; i < self->channels * group_count; i++) {
        settle_block(&self->groups[i % group_count], &self->states[i]);
        settle_wavefront(&self->groups[i % group_count], &self->states[i]);
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

static PyObject *cascade_channels(Cascade *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(self->channels);
}

static PyObject *cascade_path(Cascade *self, void *unused)
{
    (void)unused;
    const Run run = self->groups[0].run;
    return PyUnicode_FromString(run == run_scalar         ? "scalar"
                                : run == run_block        ? "block"
                                : run == run_wavefront512 ? "avx512"
                                                          : "avx2");
}

static PyMethodDef methods[] = {
    {"process", (PyCFunction)cascade_process, METH_O, "Filter a float32 block in place."},
    {"reset", (PyCFunction)cascade_reset, METH_NOARGS, "Forget the past."},
    {"set", (PyCFunction)cascade_set, METH_O, "Take other coefficients, keep the state."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"sections", (getter)cascade_sections, NULL, "Number of sections.", NULL},
    {"channels", (getter)cascade_channels, NULL, "Number of channels.", NULL},
    {"path", (getter)cascade_path, NULL, "How the first sections run.", NULL},
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
