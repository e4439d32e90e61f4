/* lpc_resonances: resonances of windowed frames of a sound, by linear prediction after Burg and the roots of its polynomial.
 *
 * A frame is emphasised (x[i] - a x[i - 1]), windowed and predicted (see burg.h). The roots of the prediction
 * polynomial are found by Laguerre's method, one after the other with deflation, a complex one with its conjugate
 * (Ralston, Rabinowitz, A First Course in Numerical Analysis, 1978, chapter 8), each from where it was in the frame before,
 * then polished on the whole polynomial by Newton's.
 * A root outside the unit circle is reflected into it. A root r stands for a resonance at arg(r) / 2 pi with a bandwidth
 * of -ln|r| / pi, both in cycles by sample (Markel, Gray, Linear Prediction of Speech, 1976, section 7.2).
 */
#include "native.h"

#include "burg.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum {
    MAX_TRIES = 100,
    PATIENCE = 12,
    POLISHES = 3,
};

static const double GOLDEN = 0.61803398874989485;
static const double SETTLED = 1e-24; /* a step squared, over the place squared */
static const double TURN = 6.283185307179586476925286766559;

typedef struct {
    double re, im;
} Complex;

static Complex product(Complex a, Complex b)
{
    return (Complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static Complex sum(Complex a, Complex b)
{
    return (Complex){a.re + b.re, a.im + b.im};
}

static Complex ratio(Complex a, Complex b)
{
    const double size = b.re * b.re + b.im * b.im;
    return (Complex){(a.re * b.re + a.im * b.im) / size, (a.im * b.re - a.re * b.im) / size};
}

static double power(Complex a)
{
    return a.re * a.re + a.im * a.im;
}

static Complex square_root(Complex a)
{
    const double size = sqrt(power(a));
    const double re = sqrt(0.5 * (size + fabs(a.re)));
    if (re == 0.0)
        return (Complex){0.0, 0.0};
    if (a.re >= 0.0)
        return (Complex){re, 0.5 * a.im / re};
    return (Complex){0.5 * fabs(a.im) / re, a.im >= 0.0 ? re : -re};
}

/* p(z) and p'(z) of real coefficients c[0] z^n + ... + c[n]. */
static Complex value(const double *c, size_t n, Complex z, Complex *slope)
{
    Complex p = {c[0], 0.0}, d = {0.0, 0.0};
    for (size_t i = 1; i <= n; i++) {
        d = sum(product(d, z), p);
        p = product(p, z);
        p.re += c[i];
    }
    *slope = d;
    return p;
}

/* Moves *root* to a root of c; returns 0, or -1 where it would not settle.
 *
 * With g = p'/p and h = g^2 - p''/p the step is n / (g +- sqrt((n - 1)(n h - g^2))), of the two the smaller one. */
static int laguerre(const double *c, size_t n, Complex *root)
{
    const double degree = (double)n;
    Complex z = *root;
    for (int attempt = 1; attempt <= MAX_TRIES; attempt++) {
        Complex p = {c[0], 0.0}, first = {0.0, 0.0}, half = {0.0, 0.0}; /* p, p', p'' / 2 */
        const double size = sqrt(power(z));
        double bound = fabs(c[0]); /* of the terms of p: so exact it can be at most */
        for (size_t i = 1; i <= n; i++) {
            half = sum(product(half, z), first);
            first = sum(product(first, z), p);
            p = product(p, z);
            p.re += c[i];
            bound = bound * size + fabs(c[i]);
        }
        *root = z;
        if (sqrt(power(p)) <= DBL_EPSILON * bound)
            return 0;
        const Complex g = ratio(first, p), square = product(g, g), bend = ratio(half, p);
        const Complex under = {
            (degree - 1.0) * ((degree - 1.0) * square.re - 2.0 * degree * bend.re),
            (degree - 1.0) * ((degree - 1.0) * square.im - 2.0 * degree * bend.im),
        };
        Complex w = square_root(under);
        if (g.re * w.re + g.im * w.im < 0.0)
            w = (Complex){-w.re, -w.im};
        const Complex below = sum(g, w);
        Complex step = {1.0 + size, 1.0}; /* from where both derivatives vanish, anywhere else */
        if (power(below) > 0.0)
            step = ratio((Complex){degree, 0.0}, below);
        if (attempt % PATIENCE == 0) { /* out of a cycle, which is rare: a part of the step */
            const double part = fmod(attempt * GOLDEN, 1.0);
            step = (Complex){part * step.re, part * step.im};
        }
        z = (Complex){z.re - step.re, z.im - step.im};
        if (!isfinite(z.re) || !isfinite(z.im))
            return -1;
        if (power(step) <= SETTLED * power(z)) {
            *root = z;
            return 0;
        }
    }
    return -1;
}

/* Roots of a[0] z^n + ... + a[n]: those with im >= 0, one of each pair. *guess* (BURG_MAX_ORDER) holds starts and
 * gets the roots of this polynomial, near which the next one's will be. Returns how many, or -1. */
static int find_roots(const double *a, size_t n, Complex *roots, Complex *guess)
{
    double c[BURG_MAX_ORDER + 1];
    size_t left = n;
    int count = 0;
    for (size_t i = 0; i <= n; i++)
        c[i] = a[i];
    while (left > 0) {
        Complex z = guess[count];
        if (left <= 2) {
            const double square = left == 2 ? c[1] * c[1] - 4.0 * c[0] * c[2] : 0.0;
            if (left == 1) {
                roots[count++] = (Complex){-c[1] / c[0], 0.0};
            } else if (square < 0.0) {
                roots[count++] = (Complex){-0.5 * c[1] / c[0], 0.5 * sqrt(-square) / fabs(c[0])};
            } else {
                const double large = -0.5 * (c[1] + copysign(sqrt(square), c[1]));
                roots[count++] = (Complex){large / c[0], 0.0};
                roots[count++] = (Complex){large != 0.0 ? c[2] / large : 0.0, 0.0};
            }
            break;
        }
        if (laguerre(c, left, &z) < 0)
            return -1;
        if (fabs(z.im) <= 1e-12 * sqrt(power(z))) {
            z.im = 0.0;
            for (size_t i = 1; i < left; i++)
                c[i] += z.re * c[i - 1];
            left -= 1;
        } else {
            /* Division by z^2 - 2 re(z) z + |z|^2. */
            const double twice = 2.0 * z.re, square = power(z);
            z.im = fabs(z.im);
            c[1] += twice * c[0];
            for (size_t i = 2; i + 1 < left; i++)
                c[i] += twice * c[i - 1] - square * c[i - 2];
            left -= 2;
        }
        roots[count++] = z;
    }
    for (int i = 0; i < count; i++) {
        for (int turn = 0; turn < POLISHES; turn++) {
            Complex slope;
            const Complex p = value(a, n, roots[i], &slope);
            if (!(power(slope) > 0.0))
                break;
            const Complex step = ratio(p, slope);
            if (!(power(step) < 1e-6 * power(roots[i])))
                break; /* two roots nearly in one place: what was found is as good as it gets */
            roots[i].re -= step.re;
            roots[i].im = roots[i].im == 0.0 ? 0.0 : fabs(roots[i].im - step.im);
            if (power(step) < 1e-28 * power(roots[i]))
                break;
        }
        guess[i] = roots[i];
    }
    return count;
}

/* Resonances between *edge* and 1/2 - *edge* into *out* as (frequency, bandwidth), lowest first; the rest is nan. */
static void resonances(const Complex *roots, int count, double edge, size_t slots, double *out)
{
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        double log_size = 0.5 * log(power(roots[i]));
        const double hz = atan2(roots[i].im, roots[i].re) / TURN;
        if (!(hz >= edge && hz <= 0.5 - edge) || !isfinite(log_size))
            continue;
        log_size = log_size > 0.0 ? -log_size : log_size;
        size_t at = used;
        if (used == slots)
            break;
        while (at > 0 && out[2 * (at - 1)] > hz) {
            out[2 * at] = out[2 * at - 2];
            out[2 * at + 1] = out[2 * at - 1];
            at--;
        }
        out[2 * at] = hz;
        out[2 * at + 1] = -2.0 * log_size / TURN;
        used++;
    }
    for (size_t i = 2 * used; i < 2 * slots; i++)
        out[i] = NAN;
}

typedef struct {
    const double *sound, *starts, *window;
    Py_ssize_t samples, frames;
    size_t width, order;
    double emphasis, edge;
    double *out, *f, *b;
} Task;

static void run(const Task *task)
{
    Complex guess[BURG_MAX_ORDER], roots[BURG_MAX_ORDER];
    const size_t slots = task->order / 2;
    for (size_t i = 0; i < BURG_MAX_ORDER; i++)
        guess[i] = (Complex){0.0, 0.0};
    for (Py_ssize_t frame = 0; frame < task->frames; frame++) {
        const double *x = task->sound + (Py_ssize_t)task->starts[frame];
        double a[BURG_MAX_ORDER + 1];
        task->f[0] = (x == task->sound ? x[0] : x[0] - task->emphasis * x[-1]) * task->window[0];
        for (size_t i = 1; i < task->width; i++)
            task->f[i] = (x[i] - task->emphasis * x[(Py_ssize_t)i - 1]) * task->window[i];
        int count = 0;
        if (burg(task->f, task->b, task->width, task->order, a) == 0)
            count = find_roots(a, task->order, roots, guess);
        if (count < 0)
            for (size_t i = 0; i < BURG_MAX_ORDER; i++)
                guess[i] = (Complex){0.0, 0.0};
        resonances(roots, count, task->edge, slots, task->out + frame * 2 * (Py_ssize_t)slots);
    }
}

static int check(const Task *task, const Py_buffer *out)
{
    const Py_ssize_t slots = (Py_ssize_t)task->order / 2;
    if (out->ndim != 3 || out->shape[0] != task->frames || out->shape[1] != slots || out->shape[2] != 2) {
        PyErr_Format(PyExc_ValueError, "out must have shape (%zd, %zd, 2)", task->frames, slots);
        return -1;
    }
    for (Py_ssize_t i = 0; i < task->frames; i++)
        if (!(task->starts[i] >= 0.0 && task->starts[i] <= (double)(task->samples - (Py_ssize_t)task->width))) {
            PyErr_Format(PyExc_ValueError, "frame %zd does not lie within the sound", i);
            return -1;
        }
    for (Py_ssize_t i = 0; i < task->samples; i++)
        if (!isfinite(task->sound[i])) {
            PyErr_Format(PyExc_ValueError, "sample %zd is not finite", i);
            return -1;
        }
    return 0;
}

static PyObject *lpc_resonances(PyObject *module, PyObject *args)
{
    PyObject *objects[4], *result = NULL;
    Py_buffer views[4];
    static const char *const names[] = {"sound", "starts", "window", "out"};
    double emphasis, edge;
    Py_ssize_t order;
    int held = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOndd:lpc_resonances", &objects[0], &objects[1], &objects[2], &objects[3], &order,
                          &emphasis, &edge))
        return NULL;
    for (; held < 4; held++)
        if (get_items(objects[held], &views[held], 'd', held == 3, names[held]) < 0)
            goto done;
    const Py_ssize_t width = views[2].len / (Py_ssize_t)sizeof(double);
    if (order < 2 || order > BURG_MAX_ORDER || order % 2 != 0) {
        PyErr_Format(PyExc_ValueError, "order must be even and 2 to %d, got %zd", BURG_MAX_ORDER, order);
        goto done;
    }
    if (width <= order) {
        PyErr_Format(PyExc_ValueError, "window must have more than %zd samples, got %zd", order, width);
        goto done;
    }
    Task task = {
        .sound = views[0].buf,
        .starts = views[1].buf,
        .window = views[2].buf,
        .samples = views[0].len / (Py_ssize_t)sizeof(double),
        .frames = views[1].len / (Py_ssize_t)sizeof(double),
        .width = (size_t)width,
        .order = (size_t)order,
        .emphasis = emphasis,
        .edge = edge,
        .out = views[3].buf,
    };
    if (check(&task, &views[3]) < 0)
        goto done;
    task.f = calloc(2 * task.width + BURG_PADDING, sizeof(double));
    if (task.f == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    task.b = task.f + task.width + BURG_PADDING;
    const unsigned long long unit = flush_subnormals();
    Py_BEGIN_ALLOW_THREADS
    run(&task);
    Py_END_ALLOW_THREADS
    restore_subnormals(unit);
    free(task.f);
    result = Py_NewRef(Py_None);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return result;
}

static PyMethodDef functions[] = {
    {"lpc_resonances", lpc_resonances, METH_VARARGS, "Resonances of windowed frames of a sound."},
    {NULL, NULL, 0, NULL},
};

int add_formants(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
