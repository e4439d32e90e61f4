/* pulse_amplitudes: how strong each cycle of a voice is.
 *
 * The amplitude of a pulse is the root mean square under a Hann window that reaches a fifth of the period before it to
 * the left, and a fifth of the period behind it to the right (the manual of Praat, "PointProcess: Get shimmer (local)"; the
 * reach as Praat is found to have it). */
#include "native.h"

#include <math.h>
#include <stdint.h>

static const double REACH = 0.2; /* of a Hann window, in periods */
static const double PI = 3.14159265358979323846;

/* Adds the squares under half a Hann window to *sum*, and the squares of the window to *weight*: samples *begin* to *end*, of which
 * sample i is (i - centre) / width from the top of the window, -1 to 1. */
static void half_window(const float *x, int64_t begin, int64_t end, double centre, double width, double *sum, double *weight)
{
    if (!(width > 0))
        return;
    const double turn = PI / width, first = ((double)begin - centre) * turn;
    const double turn_re = cos(turn), turn_im = sin(turn);
    double re = cos(first), im = sin(first);
    for (int64_t i = begin; i <= end; i++) {
        const double h = 0.5 + 0.5 * re, next = re * turn_re - im * turn_im;
        im = re * turn_im + im * turn_re;
        re = next;
        *sum += (double)x[i] * x[i] * h * h;
        *weight += h * h;
    }
}

static double amplitude(const float *x, int64_t size, double centre, double left, double right)
{
    double sum = 0, weight = 0;
    const double low = ceil(centre - left), high = floor(centre + right);
    if (!(low < (double)size && high >= 0))
        return 0;
    const int64_t begin = low < 0 ? 0 : (int64_t)low, end = high > (double)(size - 1) ? size - 1 : (int64_t)high;
    const int64_t middle = (int64_t)ceil(centre); /* the first of the right half */
    half_window(x, begin, middle - 1 < end ? middle - 1 : end, centre, left, &sum, &weight);
    half_window(x, middle > begin ? middle : begin, end, centre, right, &sum, &weight);
    return weight > 0 ? sqrt(sum / weight) : 0;
}

static PyObject *pulse_amplitudes(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"samples", "pulses_s", "amplitudes", "sample_rate_hz", "first", "longest_s", NULL};
    PyObject *objects[3], *result = NULL;
    double rate, first, longest;
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOddd:pulse_amplitudes", names, &objects[0], &objects[1], &objects[2],
                                     &rate, &first, &longest))
        return NULL;
    Py_buffer views[3];
    int held = 0;
    if (get_items(objects[0], &views[0], 'f', 0, "samples") < 0)
        return NULL;
    held = 1;
    if (get_items(objects[1], &views[1], 'd', 0, "pulses_s") < 0)
        goto done;
    held = 2;
    if (get_items(objects[2], &views[2], 'd', 1, "amplitudes") < 0)
        goto done;
    held = 3;
    const float *x = views[0].buf;
    const double *times = views[1].buf;
    double *out = views[2].buf;
    const int64_t size = views[0].len / (Py_ssize_t)sizeof(float), count = views[1].len / (Py_ssize_t)sizeof(double);
    if (views[2].len != views[1].len) {
        PyErr_SetString(PyExc_ValueError, "amplitudes must be as many as pulses_s");
        goto done;
    }
    if (count > 0)
        out[0] = out[count - 1] = 0;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t i = 1; i + 1 < count; i++) {
        const double before = times[i] - times[i - 1], behind = times[i + 1] - times[i];
        out[i] = before > longest || behind > longest
                     ? 0
                     : amplitude(x, size, times[i] * rate - 0.5 - first, REACH * before * rate, REACH * behind * rate);
    }
    Py_END_ALLOW_THREADS
    result = Py_NewRef(Py_None);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return result;
}

static PyMethodDef functions[] = {
    {"pulse_amplitudes", (PyCFunction)(void (*)(void))pulse_amplitudes, METH_VARARGS | METH_KEYWORDS,
     "Amplitude of every pulse between two others; 0 for the first and the last."},
    {NULL, NULL, 0, NULL},
};

int add_pulse_amplitudes(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
