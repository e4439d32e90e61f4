/* patch_similarity: the neurogram similarity of one patch with several that lie one frame apart.
 *
 * NSIM after A. Hines and N. Harte, Speech intelligibility prediction using a neurogram similarity index measure, Speech
 * Communication 54(2), 2012: at each cell, luminance times structure of a 3 by 3 neighbourhood; here the mean over time
 * is kept for each band. Cells beyond an edge are those of the edge.
 */
#include "native.h"

#include "vector.h"

#include <math.h>
#include <stdlib.h>

enum {
    MAX_BANDS = 256,
    MAX_FRAMES = 4096,
    PRODUCTS = 5, /* r, d, r r, d d, r d */
};

/* What the measure is made of. */
typedef struct {
    double corner, edge, centre; /* weights of the neighbourhood */
    double luminance, structure; /* C1 and C3 */
} Constants;

/* Writes one frame of the five products, one cell more at both ends, each *stride* items apart. */
VECTOR_BODY static inline void fill(double *RESTRICT to, size_t stride, const double *RESTRICT r,
                                    const double *RESTRICT d, size_t bands)
{
    double *RESTRICT a = to + 1, *RESTRICT b = a + stride, *RESTRICT c = b + stride, *RESTRICT e = c + stride,
                     *RESTRICT f = e + stride;
    for (size_t i = 0; i < bands; i++) {
        const double x = r[i], y = d[i];
        a[i] = x;
        b[i] = y;
        c[i] = x * x;
        e[i] = y * y;
        f[i] = x * y;
    }
    for (size_t p = 0; p < PRODUCTS; p++) {
        double *row = to + p * stride;
        row[0] = row[1];
        row[bands + 1] = row[bands];
    }
}

/* Weighted mean of the neighbourhood of cell *i*, which the rows hold at i + 1. */
VECTOR_BODY static inline double around(const Constants *k, const double *before, const double *here,
                                        const double *after, size_t i)
{
    const double corners = (before[i] + before[i + 2]) + (after[i] + after[i + 2]);
    const double edges = (before[i + 1] + after[i + 1]) + (here[i] + here[i + 2]);
    return k->corner * corners + k->edge * edges + k->centre * here[i + 1];
}

/* Adds the similarities of one frame to *sums*. */
VECTOR_BODY static inline void add_frame(const Constants *k, const double *RESTRICT before, const double *RESTRICT here,
                                         const double *RESTRICT after, size_t stride, size_t bands,
                                         double *RESTRICT sums)
{
    const double c1 = k->luminance, c3 = k->structure;
    for (size_t i = 0; i < bands; i++) {
        const double mr = around(k, before, here, after, i);
        const double md = around(k, before + stride, here + stride, after + stride, i);
        const double rr = around(k, before + 2 * stride, here + 2 * stride, after + 2 * stride, i) - mr * mr;
        const double dd = around(k, before + 3 * stride, here + 3 * stride, after + 3 * stride, i) - md * md;
        const double rd = around(k, before + 4 * stride, here + 4 * stride, after + 4 * stride, i) - mr * md;
        const double luminance = (2.0 * (mr * md) + c1) / (mr * mr + md * md + c1);
        /* Rounding can make a variance negative where all is flat: its product then counts as none. */
        const double product = rr * dd;
        const double structure = (rd + c3) / (sqrt(product > 0.0 ? product : 0.0) + c3);
        sums[i] += luminance * structure;
    }
}

VECTOR_BODY static inline void compare_body(const Constants *k, const double *reference, const double *degraded,
                                            size_t frames, size_t bands, double *out, double *rows)
{
    const size_t stride = bands + 2, size = PRODUCTS * stride;
    double *before = rows, *here = rows + size, *after = rows + 2 * size;
    for (size_t i = 0; i < bands; i++)
        out[i] = 0.0;
    fill(before, stride, reference, degraded, bands);
    fill(here, stride, reference, degraded, bands);
    for (size_t t = 0; t < frames; t++) {
        const size_t next = t + 1 < frames ? t + 1 : t;
        fill(after, stride, reference + next * bands, degraded + next * bands, bands);
        add_frame(k, before, here, after, stride, bands, out);
        double *oldest = before;
        before = here;
        here = after;
        after = oldest;
    }
    for (size_t i = 0; i < bands; i++)
        out[i] /= (double)frames;
}

static void compare_plain(const Constants *k, const double *reference, const double *degraded, size_t frames,
                          size_t bands, double *out, double *rows)
{
    compare_body(k, reference, degraded, frames, bands, out, rows);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void compare_vector(const Constants *k, const double *reference, const double *degraded,
                                         size_t frames, size_t bands, double *out, double *rows)
{
    compare_body(k, reference, degraded, frames, bands, out, rows);
}
#endif

static void compare(const Constants *k, const double *reference, const double *degraded, size_t frames, size_t bands,
                    double *out, double *rows, int simd)
{
#ifdef HAVE_VECTOR_TARGET
    if (simd && cpu_has_vector_target())
        compare_vector(k, reference, degraded, frames, bands, out, rows);
    else
#endif
        compare_plain(k, reference, degraded, frames, bands, out, rows);
    (void)simd;
}

static PyObject *patch_similarity(PyObject *module, PyObject *args, PyObject *kwargs)
{
    (void)module;
    static char *names[] = {"reference", "degraded", "out", "weights", "constants", "simd", NULL};
    PyObject *reference, *degraded, *similarity;
    Constants k;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO(ddd)(dd)|$p:patch_similarity", names, &reference, &degraded,
                                     &similarity, &k.corner, &k.edge, &k.centre, &k.luminance, &k.structure, &simd))
        return NULL;
    if (!(k.luminance > 0.0 && k.structure > 0.0 && isfinite(k.corner) && isfinite(k.edge) && isfinite(k.centre)))
        return PyErr_Format(PyExc_ValueError, "weights must be finite and constants above 0");
    Py_buffer r, d, out;
    if (get_items(reference, &r, 'd', 0, "reference") < 0)
        return NULL;
    if (get_items(degraded, &d, 'd', 0, "degraded") < 0) {
        PyBuffer_Release(&r);
        return NULL;
    }
    if (get_items(similarity, &out, 'd', 1, "out") < 0) {
        PyBuffer_Release(&d);
        PyBuffer_Release(&r);
        return NULL;
    }
    PyObject *result = NULL;
    const Py_ssize_t frames = r.ndim == 2 ? r.shape[0] : 0, bands = r.ndim == 2 ? r.shape[1] : 0;
    const Py_ssize_t places = d.ndim == 2 && d.shape[1] == bands ? d.shape[0] - frames + 1 : 0;
    if (frames < 1 || frames > MAX_FRAMES || bands < 1 || bands > MAX_BANDS) {
        PyErr_Format(PyExc_ValueError, "reference must be (frames, bands), 1 to %d and 1 to %d", MAX_FRAMES, MAX_BANDS);
    } else if (places < 1) {
        PyErr_Format(PyExc_ValueError, "degraded must be (n, %zd) with n from %zd", bands, frames);
    } else if (out.ndim != 2 || out.shape[0] != places || out.shape[1] != bands) {
        PyErr_Format(PyExc_ValueError, "out must be (%zd, %zd)", places, bands);
    } else {
        double *rows = malloc(3 * PRODUCTS * (size_t)(bands + 2) * sizeof *rows);
        if (rows == NULL) {
            PyErr_NoMemory();
        } else {
            Py_BEGIN_ALLOW_THREADS
            for (Py_ssize_t p = 0; p < places; p++)
                compare(&k, r.buf, (const double *)d.buf + p * bands, (size_t)frames, (size_t)bands,
                        (double *)out.buf + p * bands, rows, simd);
            Py_END_ALLOW_THREADS
            free(rows);
            result = Py_NewRef(Py_None);
        }
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&d);
    PyBuffer_Release(&r);
    return result;
}

static PyMethodDef functions[] = {
    {"patch_similarity", (PyCFunction)(void (*)(void))patch_similarity, METH_VARARGS | METH_KEYWORDS,
     "Write the neurogram similarity of a patch with several that lie one frame apart."},
    {NULL, NULL, 0, NULL},
};

int add_nsim(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
