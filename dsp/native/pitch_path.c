/* pitch_path: through one candidate of each frame, so that their worth less the cost of changes is the greatest.
 *
 * The algorithm of Viterbi (IEEE Transactions on Information Theory 13(2), 1967) with the costs of P. Boersma, Proceedings
 * of the Institute of Phonetic Sciences 17, 1993, section 4: none between two candidates without voice, one for a
 * change between voice and none, one for each octave between two candidates with voice.
 */
#include "native.h"

#include <math.h>
#include <stdlib.h>

/* Fills *chosen* (n); *back* is (n, m), *total* (2, m) scratch. NaN in *octaves* is no voice. */
static void find(const double *worth, const double *octaves, Py_ssize_t n, Py_ssize_t m, double jump, double change,
                 double *chosen, unsigned char *back, double *total)
{
    double *now = total, *before = total + m;
    for (Py_ssize_t j = 0; j < m; j++)
        now[j] = worth[j];
    for (Py_ssize_t k = 1; k < n; k++) {
        double *kept = now;
        now = before;
        before = kept;
        const double *from = octaves + (k - 1) * m, *to = octaves + k * m;
        for (Py_ssize_t j = 0; j < m; j++) {
            double best = -INFINITY;
            Py_ssize_t best_from = 0;
            now[j] = -INFINITY;
            if (worth[k * m + j] == -INFINITY)
                continue;
            const int voiced = !isnan(to[j]);
            for (Py_ssize_t i = 0; i < m; i++) {
                const int was = !isnan(from[i]);
                const double cost = was != voiced ? change : voiced ? jump * fabs(from[i] - to[j]) : 0.0;
                if (before[i] - cost > best) {
                    best = before[i] - cost;
                    best_from = i;
                }
            }
            now[j] = best + worth[k * m + j];
            back[k * m + j] = (unsigned char)best_from;
        }
    }
    Py_ssize_t j = 0;
    for (Py_ssize_t i = 1; i < m; i++)
        if (now[i] > now[j])
            j = i;
    for (Py_ssize_t k = n - 1; k >= 0; k--) {
        chosen[k] = (double)j;
        j = back[k * m + j];
    }
}

static PyObject *pitch_path(PyObject *module, PyObject *args)
{
    PyObject *worth_of, *octaves_of, *chosen_of, *result = NULL;
    double jump, change;
    Py_buffer worth, octaves, chosen;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOddO:pitch_path", &worth_of, &octaves_of, &jump, &change, &chosen_of) ||
        get_items(worth_of, &worth, 'd', 0, "worth") < 0)
        return NULL;
    if (get_items(octaves_of, &octaves, 'd', 0, "octaves") < 0) {
        PyBuffer_Release(&worth);
        return NULL;
    }
    if (get_items(chosen_of, &chosen, 'd', 1, "chosen") < 0) {
        PyBuffer_Release(&octaves);
        PyBuffer_Release(&worth);
        return NULL;
    }
    if (worth.ndim != 2 || octaves.ndim != 2 || chosen.ndim != 1 || worth.shape[0] < 1 || worth.shape[1] < 1 ||
        worth.shape[1] > 256 || octaves.shape[0] != worth.shape[0] || octaves.shape[1] != worth.shape[1] ||
        chosen.shape[0] != worth.shape[0]) {
        PyErr_SetString(PyExc_ValueError, "worth and octaves must be (n, m), chosen (n,), n at least 1, m 1 to 256");
    } else {
        const Py_ssize_t n = worth.shape[0], m = worth.shape[1];
        unsigned char *back = calloc((size_t)(n * m), 1);
        double *total = malloc((size_t)(2 * m) * sizeof(double));
        if (back == NULL || total == NULL) {
            PyErr_NoMemory();
        } else {
            Py_BEGIN_ALLOW_THREADS
            find(worth.buf, octaves.buf, n, m, jump, change, chosen.buf, back, total);
            Py_END_ALLOW_THREADS
            result = Py_NewRef(Py_None);
        }
        free(total);
        free(back);
    }
    PyBuffer_Release(&chosen);
    PyBuffer_Release(&octaves);
    PyBuffer_Release(&worth);
    return result;
}

static PyMethodDef functions[] = {
    {"pitch_path", pitch_path, METH_VARARGS, "Choose a candidate of each frame."},
    {NULL, NULL, 0, NULL},
};

int add_pitch_path(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
