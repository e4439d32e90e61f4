/* subsequence_dtw: how cheaply a short run of feature vectors can be laid on a part of a longer one.
 *
 * c(i, j) is the Euclidean distance of query vector i and reference vector j. A path begins at any j and ends at any j; from
 * one query vector to the next the reference goes on by 0.5, 1 or 2 vectors (slope constraint P = 1 of Sakoe and Chiba,
 * IEEE TASSP 26(1), 1978, in the asymmetric form: each query vector counts once):
 *
 *     D(-1, j) = 0, D(0, j) = c(0, j)
 *     D(i, j) = min(D(i - 1, j - 1), D(i - 1, j - 2), D(i - 2, j - 1) + c(i - 1, j)) + c(i, j)
 *
 * The cost is the least D of the last row, per query vector.
 */
#include "native.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIMENSIONS = 256, GIL_CELLS = 4096 /* fewer take less time than getting the GIL back may */ };

typedef struct {
    float *columns; /* the reference, dimension by dimension */
    float *cost, *cost_before;
    float *row, *row_before, *row_before_that;
} Scratch;

static void distances(const float *query, const float *columns, Py_ssize_t n, Py_ssize_t d, float *out)
{
    memset(out, 0, (size_t)n * sizeof(float));
    for (Py_ssize_t k = 0; k < d; k++) {
        const float value = query[k];
        const float *column = columns + k * n;
        for (Py_ssize_t j = 0; j < n; j++) {
            const float apart = column[j] - value;
            out[j] += apart * apart;
        }
    }
    for (Py_ssize_t j = 0; j < n; j++)
        out[j] = sqrtf(out[j]);
}

static void swap(float **a, float **b)
{
    float *kept = *a;
    *a = *b;
    *b = kept;
}

/* Returns where the cheapest path ends, or -1 where there is none. */
static Py_ssize_t cheapest(Scratch *s, const float *query, Py_ssize_t m, Py_ssize_t n, Py_ssize_t d, double *total)
{
    distances(query, s->columns, n, d, s->cost);
    memcpy(s->row, s->cost, (size_t)n * sizeof(float));
    for (Py_ssize_t i = 1; i < m; i++) {
        swap(&s->row_before_that, &s->row_before);
        swap(&s->row_before, &s->row);
        swap(&s->cost_before, &s->cost);
        distances(query + i * d, s->columns, n, d, s->cost);
        s->row[0] = i == 1 ? s->cost_before[0] + s->cost[0] : INFINITY;
        for (Py_ssize_t j = 1; j < n; j++) {
            float best = s->row_before[j - 1];
            if (j > 1 && s->row_before[j - 2] < best)
                best = s->row_before[j - 2];
            const float begun = i == 1 ? 0.0f : s->row_before_that[j - 1];
            if (begun + s->cost_before[j] < best)
                best = begun + s->cost_before[j];
            s->row[j] = best + s->cost[j];
        }
    }
    Py_ssize_t end = -1;
    *total = INFINITY;
    for (Py_ssize_t j = 0; j < n; j++)
        if (s->row[j] < *total) {
            *total = s->row[j];
            end = j;
        }
    return end;
}

static PyObject *subsequence_dtw(PyObject *module, PyObject *args)
{
    PyObject *long_one, *short_one, *result = NULL;
    Py_buffer reference, query;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:subsequence_dtw", &long_one, &short_one) ||
        get_items(long_one, &reference, 'f', 0, "reference") < 0)
        return NULL;
    if (get_items(short_one, &query, 'f', 0, "query") < 0) {
        PyBuffer_Release(&reference);
        return NULL;
    }
    Scratch s = {0};
    float *memory = NULL;
    if (reference.ndim != 2 || query.ndim != 2 || reference.shape[1] != query.shape[1] || reference.shape[0] < 1 ||
        query.shape[0] < 1 || query.shape[1] < 1 || query.shape[1] > MAX_DIMENSIONS) {
        PyErr_Format(PyExc_ValueError, "reference and query must have shapes (n, d) and (m, d), d from 1 to %d",
                     MAX_DIMENSIONS);
        goto done;
    }
    const Py_ssize_t n = reference.shape[0], m = query.shape[0], d = query.shape[1];
    memory = malloc((size_t)n * (size_t)(d + 5) * sizeof(float));
    if (memory == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    s.columns = memory;
    s.cost = memory + n * d;
    s.cost_before = s.cost + n;
    s.row = s.cost_before + n;
    s.row_before = s.row + n;
    s.row_before_that = s.row_before + n;
    const float *rows = reference.buf;
    for (Py_ssize_t j = 0; j < n; j++)
        for (Py_ssize_t k = 0; k < d; k++)
            s.columns[k * n + j] = rows[j * d + k];
    double total;
    Py_ssize_t end;
    if (n * m < GIL_CELLS) {
        end = cheapest(&s, query.buf, m, n, d, &total);
    } else {
        Py_BEGIN_ALLOW_THREADS
        end = cheapest(&s, query.buf, m, n, d, &total);
        Py_END_ALLOW_THREADS
    }
    if (end < 0)
        PyErr_SetString(PyExc_ValueError, "the query does not fit into the reference, or is not finite");
    else
        result = Py_BuildValue("dn", total / (double)m, end);
done:
    free(memory);
    PyBuffer_Release(&reference);
    PyBuffer_Release(&query);
    return result;
}

static PyMethodDef functions[] = {
    {"subsequence_dtw", subsequence_dtw, METH_VARARGS, "Cost of the best place of a query in a reference."},
    {NULL, NULL, 0, NULL},
};

int add_dtw(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
