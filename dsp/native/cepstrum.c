/* Cepstrum: power cepstra of overlapping windows of a sound, and how far their peaks rise above their background. */
#include "native.h"

#include "cepstrum_frames.h"
#include "cepstrum_lines.h"
#include "vector.h"

#include <stdlib.h>

enum { MIN_POINTS = 64, MAX_POINTS = 1 << 13 };

typedef struct {
    PyObject_HEAD
    CepstrumFrames frames;
    float *spare; /* a cepstrum */
    int busy;
} Cepstrum;

static PyObject *cepstrum_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"window", "points", "rate_hz", "simd", NULL};
    PyObject *window;
    Py_ssize_t points;
    double rate;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Ond|$p:Cepstrum", names, &window, &points, &rate, &simd))
        return NULL;
    Py_buffer shape;
    if (get_items(window, &shape, 'd', 0, "window") < 0)
        return NULL;
    Cepstrum *self = NULL;
    const Py_ssize_t samples = shape.len / (Py_ssize_t)sizeof(double);
    if (points < MIN_POINTS || points > MAX_POINTS || (points & (points - 1)) != 0) {
        PyErr_Format(PyExc_ValueError, "points must be a power of two, %d to %d, got %zd", MIN_POINTS, MAX_POINTS,
                     points);
    } else if (shape.ndim != 1 || samples < 1 || samples > points) {
        PyErr_Format(PyExc_ValueError, "window must have 1 to %zd samples in one dimension", points);
    } else if (!(rate > 0.0)) {
        PyErr_SetString(PyExc_ValueError, "rate_hz must be positive");
    } else {
        allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (Cepstrum *)allocate(type, 0);
        if (self != NULL) {
            self->spare = malloc((size_t)(points / 2 + 1) * sizeof(float));
            if (cepstrum_frames_init(&self->frames, shape.buf, (size_t)samples, (size_t)points, rate,
                                     simd && cpu_has_vector_target()) < 0 ||
                self->spare == NULL) {
                PyErr_NoMemory();
                Py_CLEAR(self);
            }
        }
    }
    PyBuffer_Release(&shape);
    return (PyObject *)self;
}

static void cepstrum_dealloc(PyObject *object)
{
    Cepstrum *self = (Cepstrum *)object;
    PyTypeObject *type = Py_TYPE(object);
    cepstrum_frames_free(&self->frames);
    free(self->spare);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* Gets up to three buffers; *kinds* has a character each: d, f, or F for a float32 and D for a float64 one that is
 * written to. */
static int get_all(PyObject *const *objects, Py_buffer *views, const char *kinds, const char *const *names)
{
    for (int i = 0; kinds[i] != '\0'; i++) {
        const int written = kinds[i] == 'F' || kinds[i] == 'D';
        const char format = kinds[i] == 'F' || kinds[i] == 'f' ? 'f' : 'd';
        if (get_items(objects[i], &views[i], format, written, names[i]) < 0) {
            while (i-- > 0)
                PyBuffer_Release(&views[i]);
            return -1;
        }
    }
    return 0;
}

static void release_all(Py_buffer *views, int count)
{
    for (int i = 0; i < count; i++)
        PyBuffer_Release(&views[i]);
}

static int enter(Cepstrum *self)
{
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread works with this object");
        return -1;
    }
    self->busy = 1;
    return 0;
}

static int is_rows(const Py_buffer *view, Py_ssize_t columns)
{
    return view->ndim == 2 && view->shape[1] == columns;
}

static PyObject *cepstrum_powers(PyObject *object, PyObject *args)
{
    Cepstrum *self = (Cepstrum *)object;
    PyObject *objects[3];
    if (!PyArg_ParseTuple(args, "OOO:powers", &objects[0], &objects[1], &objects[2]))
        return NULL;
    static const char *const names[] = {"samples", "starts", "out"};
    Py_buffer views[3];
    if (get_all(objects, views, "ddF", names) < 0)
        return NULL;
    const Py_ssize_t size = views[0].len / (Py_ssize_t)sizeof(double);
    const Py_ssize_t count = views[1].len / (Py_ssize_t)sizeof(double);
    const double *starts = views[1].buf;
    size_t deep = 0;
    int good = views[0].ndim == 1 && views[1].ndim == 1 && is_rows(&views[2], (Py_ssize_t)self->frames.lines) &&
               views[2].shape[0] == count;
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "wanted samples (n,), starts (frames,) and out (frames, points / 2 + 1)");
    } else {
        const double last = (double)(size - (Py_ssize_t)self->frames.samples);
        for (Py_ssize_t i = 0; good && i < count; i++)
            good = starts[i] >= 0.0 && starts[i] <= last;
        if (!good)
            PyErr_SetString(PyExc_ValueError, "a window must lie in the samples");
    }
    if (good && enter(self) == 0) {
        Py_BEGIN_ALLOW_THREADS
        const unsigned long long unit = flush_subnormals();
        deep = cepstrum_frames_powers(&self->frames, views[0].buf, starts, (size_t)count, views[2].buf);
        restore_subnormals(unit);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    } else {
        good = 0;
    }
    release_all(views, 3);
    if (!good)
        return NULL;
    return PyLong_FromSize_t(deep);
}

static PyObject *cepstrum_decibels(PyObject *object, PyObject *args)
{
    Cepstrum *self = (Cepstrum *)object;
    PyObject *objects[2];
    if (!PyArg_ParseTuple(args, "OO:decibels", &objects[0], &objects[1]))
        return NULL;
    static const char *const names[] = {"powers", "out"};
    Py_buffer views[2];
    if (get_all(objects, views, "fF", names) < 0)
        return NULL;
    const int good = views[0].len == views[1].len;
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        lines_to_db(views[0].buf, (size_t)views[0].len / sizeof(float), views[1].buf, self->frames.vector);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "out must be of the size of powers");
    }
    release_all(views, 2);
    if (!good)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cepstrum_smooth(PyObject *object, PyObject *args)
{
    Cepstrum *self = (Cepstrum *)object;
    PyObject *objects[3];
    if (!PyArg_ParseTuple(args, "OOO:smooth", &objects[0], &objects[1], &objects[2]))
        return NULL;
    static const char *const names[] = {"rows", "weights", "out"};
    Py_buffer views[3];
    if (get_all(objects, views, "ffF", names) < 0)
        return NULL;
    const Py_ssize_t lines = (Py_ssize_t)self->frames.lines;
    int good = views[1].ndim == 2 && is_rows(&views[0], lines) && is_rows(&views[2], lines) &&
               views[1].shape[0] == views[2].shape[0] &&
               views[0].shape[0] + 1 >= views[1].shape[0] + views[1].shape[1];
    if (!good)
        PyErr_SetString(PyExc_ValueError,
                        "wanted rows (n + taps - 1, lines), weights (n, taps), and out (n, lines)");
    if (good && enter(self) == 0) {
        Py_BEGIN_ALLOW_THREADS
        const size_t taps = (size_t)views[1].shape[1], step = self->frames.lines;
        const float *rows = views[0].buf, *weights = views[1].buf;
        float *out = views[2].buf;
        for (size_t i = 0; i < (size_t)views[2].shape[0]; i++)
            lines_smooth(rows + i * step, weights + i * taps, taps, step, self->spare, out + i * step,
                         self->frames.vector);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    } else {
        good = 0;
    }
    release_all(views, 3);
    if (!good)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cepstrum_prominence(PyObject *object, PyObject *args)
{
    Cepstrum *self = (Cepstrum *)object;
    PyObject *objects[2];
    Py_ssize_t low, high;
    if (!PyArg_ParseTuple(args, "OnnO:prominence", &objects[0], &low, &high, &objects[1]))
        return NULL;
    static const char *const names[] = {"rows", "out"};
    Py_buffer views[2];
    if (get_all(objects, views, "fD", names) < 0)
        return NULL;
    const Py_ssize_t lines = (Py_ssize_t)self->frames.lines;
    int good = is_rows(&views[0], lines) && is_rows(&views[1], FOUND) && views[0].shape[0] == views[1].shape[0] &&
               low > 0 && low <= high && high < lines - 1;
    if (!good)
        PyErr_SetString(PyExc_ValueError, "wanted rows (n, lines), 0 < low <= high < lines - 1, out (n, 5)");
    if (good && enter(self) == 0) {
        Py_BEGIN_ALLOW_THREADS
        const float *rows = views[0].buf;
        double *out = views[1].buf;
        Guess guess = {0.0f, 0.0f};
        for (size_t i = 0; i < (size_t)views[0].shape[0]; i++) {
            const float *db = rows + i * self->frames.lines;
            double *found = out + i * FOUND;
            lines_robust(db, self->frames.lines, self->spare, &guess, found, self->frames.vector);
            lines_peak(db, (size_t)low, (size_t)high, self->spare, found, self->frames.vector);
        }
        Py_END_ALLOW_THREADS
        self->busy = 0;
    } else {
        good = 0;
    }
    release_all(views, 2);
    if (!good)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cepstrum_regression(PyObject *object, PyObject *args)
{
    Cepstrum *self = (Cepstrum *)object;
    PyObject *objects[2];
    Py_ssize_t first, low, high;
    if (!PyArg_ParseTuple(args, "OnnnO:regression", &objects[0], &first, &low, &high, &objects[1]))
        return NULL;
    static const char *const names[] = {"rows", "out"};
    Py_buffer views[2];
    if (get_all(objects, views, "fD", names) < 0)
        return NULL;
    const Py_ssize_t lines = (Py_ssize_t)self->frames.lines;
    const int good = is_rows(&views[0], lines) && views[1].ndim == 1 && views[0].shape[0] == views[1].shape[0] &&
                     first >= 0 && first < lines - 1 && low >= 0 && low <= high && high < lines;
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        const float *rows = views[0].buf;
        double *out = views[1].buf;
        for (Py_ssize_t i = 0; i < views[1].shape[0]; i++)
            out[i] = lines_regression(rows + i * lines, (size_t)lines, (size_t)first, (size_t)low, (size_t)high,
                                      self->frames.vector);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError,
                        "wanted rows (n, lines), 0 <= first < lines - 1, 0 <= low <= high < lines, out (n,)");
    }
    release_all(views, 2);
    if (!good)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cepstrum_lines(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromSize_t(((Cepstrum *)object)->frames.lines);
}

static PyGetSetDef properties[] = {
    {"lines", cepstrum_lines, NULL, "Quefrencies of a cepstrum: points / 2 + 1.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"powers", cepstrum_powers, METH_VARARGS, "Power cepstra of windows."},
    {"decibels", cepstrum_decibels, METH_VARARGS, "10 log10."},
    {"smooth", cepstrum_smooth, METH_VARARGS, "Mean over rows and bins."},
    {"prominence", cepstrum_prominence, METH_VARARGS, "Peaks above their background."},
    {"regression", cepstrum_regression, METH_VARARGS, "Peaks above a line of least squares."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Power cepstra of windows of a sound, and their peaks."},
    {Py_tp_new, (void *)cepstrum_new},
    {Py_tp_dealloc, (void *)cepstrum_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.Cepstrum",
    .basicsize = sizeof(Cepstrum),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_cepstrum(PyObject *module)
{
    return add_type(module, &spec);
}
