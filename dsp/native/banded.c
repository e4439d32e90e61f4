/* solve_banded: a symmetric positive definite system of linear equations with a narrow band, by Cholesky.
 *
 * Row i of the band holds the elements (i, i), (i, i - 1) ... (i, i - width + 1); what would lie left of the
 * matrix is not read. With M = L L', forward with L, then backward with L' (Golub, Van Loan, Matrix
 * Computations, section 4.3.5). Small systems of n * width^2 steps: no library, no threads.
 */
#include "native.h"

#include <math.h>

/* Returns the first row whose pivot is not positive, or -1. */
static Py_ssize_t solve(double *band, double *x, Py_ssize_t n, Py_ssize_t width)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        double *row = band + i * width;
        const Py_ssize_t reach = i < width - 1 ? i : width - 1;
        for (Py_ssize_t k = reach; k >= 0; k--) { /* column i - k */
            const double *other = band + (i - k) * width;
            double sum = row[k];
            for (Py_ssize_t m = k + 1; m <= reach; m++)
                sum -= row[m] * other[m - k];
            if (k > 0)
                row[k] = sum / other[0];
            else if (sum > 0.0 && isfinite(sum))
                row[0] = sqrt(sum);
            else
                return i;
        }
        double sum = x[i];
        for (Py_ssize_t k = 1; k <= reach; k++)
            sum -= row[k] * x[i - k];
        x[i] = sum / row[0];
    }
    for (Py_ssize_t i = n - 1; i >= 0; i--) {
        const double *row = band + i * width;
        const Py_ssize_t reach = i < width - 1 ? i : width - 1;
        x[i] /= row[0];
        for (Py_ssize_t k = 1; k <= reach; k++)
            x[i - k] -= row[k] * x[i];
    }
    return -1;
}

static PyObject *solve_banded(PyObject *module, PyObject *args)
{
    PyObject *band, *right, *result = NULL;
    Py_buffer matrix, x;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:solve_banded", &band, &right) ||
        get_items(band, &matrix, 'd', 1, "band") < 0)
        return NULL;
    if (get_items(right, &x, 'd', 1, "right") < 0) {
        PyBuffer_Release(&matrix);
        return NULL;
    }
    const Py_ssize_t n = x.len / (Py_ssize_t)sizeof(double);
    if (matrix.ndim != 2 || matrix.shape[0] != n || matrix.shape[1] < 1) {
        PyErr_SetString(PyExc_ValueError, "band must have shape (n, width), as many rows as right has items");
        goto done;
    }
    const unsigned long long unit = flush_subnormals();
    Py_ssize_t failed;
    Py_BEGIN_ALLOW_THREADS
    failed = solve(matrix.buf, x.buf, n, matrix.shape[1]);
    Py_END_ALLOW_THREADS
    restore_subnormals(unit);
    if (failed >= 0)
        PyErr_Format(PyExc_ValueError, "the matrix is not positive definite at row %zd", failed);
    else
        result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&matrix);
    PyBuffer_Release(&x);
    return result;
}

static PyMethodDef functions[] = {
    {"solve_banded", solve_banded, METH_VARARGS, "Solve a banded positive definite system in place."},
    {NULL, NULL, 0, NULL},
};

int add_banded(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
