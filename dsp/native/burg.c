/* Linear prediction after Burg: a lattice whose reflection coefficients minimise the forward and backward errors together
 * (Marple, Digital Spectral Analysis, 1987, section 7.5); where the sound is not nearly predictable by the quicker way
 * over its correlation, which gives the same.
 */
#include "burg.h"

#include "vector.h"

#include <math.h>
#include <string.h>

enum {
    LANES = 4,
    LAGS = BURG_PADDING - BURG_MAX_ORDER, /* that are summed at a time */
};

/* Of what is summed up; with less of it left fewer than seven digits would be right. */
static const double LEAST_ENERGY = 1e-9;

/* Sums of f b and of f^2 + b^2 over n pairs. */
typedef struct {
    double cross[LANES], energy[LANES];
} Sums;

static inline void add_pair(Sums *sums, size_t lane, double forward, double backward)
{
    sums->cross[lane] += forward * backward;
    sums->energy[lane] += forward * forward + backward * backward;
}

static double total(const double *lanes)
{
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/* The errors of the next order from n + 1 pairs of this one: n pairs in place. */
static void next_errors(double *RESTRICT f, double *RESTRICT b, size_t n, double k, Sums *out)
{
    Sums sums = {{0.0}, {0.0}};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        double forward[LANES], backward[LANES];
        for (size_t lane = 0; lane < LANES; lane++) {
            forward[lane] = f[i + 1 + lane] + k * b[i + 1 + lane];
            backward[lane] = b[i + lane] + k * f[i + lane];
        }
        for (size_t lane = 0; lane < LANES; lane++) {
            f[i + lane] = forward[lane];
            b[i + lane] = backward[lane];
            add_pair(&sums, lane, forward[lane], backward[lane]);
        }
    }
    for (; i < n; i++) {
        const double forward = f[i + 1] + k * b[i + 1], backward = b[i] + k * f[i];
        f[i] = forward;
        b[i] = backward;
        add_pair(&sums, 0, forward, backward);
    }
    *out = sums;
}

/* The filter of order m from that of order m - 1 and its reflection coefficient. */
static void lengthen(double *a, size_t m, double k)
{
    a[m] = 0.0;
    for (size_t i = 0; 2 * i <= m; i++) {
        const double low = a[i], high = a[m - i];
        a[i] = low + k * high;
        a[m - i] = high + k * low;
    }
}

/* Coefficients a[0] = 1 .. a[order] of the prediction error filter of the n samples in f, which are destroyed, as
 * are the n in *b*, from the errors themselves. Returns 0, or -1 for a frame without energy. */
static int lattice(double *f, double *b, size_t n, size_t order, double *a)
{
    Sums sums;
    memcpy(b, f, n * sizeof(double));
    next_errors(f, b, n - 1, 0.0, &sums);
    a[0] = 1.0;
    for (size_t m = 1;; m++) {
        const double both = total(sums.energy);
        if (!(both > 0.0))
            return -1;
        const double k = -2.0 * total(sums.cross) / both;
        lengthen(a, m, k);
        if (m == order)
            return 0;
        next_errors(f, b, n - m - 1, k, &sums);
    }
}

/* Products x[i] x[i + lag] of n samples, summed, for lags 0 .. order; behind them lie BURG_PADDING zeros. */
static void correlate(const double *x, size_t n, size_t order, double *sums)
{
    for (size_t base = 0; base <= order; base += LAGS) {
        double some[LAGS] = {0.0};
        for (size_t i = 0; i < n; i++)
            for (size_t lag = 0; lag < LAGS; lag++)
                some[lag] += x[i] * x[i + base + lag];
        memcpy(sums + base, some, sizeof some);
    }
}

/* The same coefficients without the errors: their products are sums over R(i, j), the sum of x[t - i] x[t - j] for t
 * from m to n - 1, which follows from the correlation (Vos, A Fast Implementation of Burg's Method, 2013). Returns
 * 1 where that would lose too many digits; *x* is kept, and behind it lie BURG_PADDING zeros. */
static int from_correlation(const double *x, size_t n, size_t order, double *a)
{
    double sums[BURG_MAX_ORDER + LAGS + 1], r[BURG_MAX_ORDER + 1][BURG_MAX_ORDER + 1];
    correlate(x, n, order, sums);
    if (!(sums[0] > 0.0))
        return -1;
    r[0][0] = sums[0];
    a[0] = 1.0;
    for (size_t m = 1; m <= order; m++) {
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++)
                r[i][j] -= x[m - 1 - i] * x[m - 1 - j];
        for (size_t i = 0; i <= m; i++) {
            double sum = sums[m - i];
            for (size_t t = n - m; t < n - m + i; t++)
                sum -= x[t] * x[t + m - i];
            r[i][m] = r[m][i] = sum;
        }
        double cross = 0.0, energy = 0.0, size = 0.0;
        for (size_t i = 0; i < m; i++) {
            double ahead = 0.0, behind = 0.0, mixed = 0.0;
            for (size_t j = 0; j < m; j++) {
                ahead += a[j] * r[i][j];
                behind += a[j] * r[m - i][m - j];
                mixed += a[j] * r[i][m - j];
            }
            energy += a[i] * (ahead + behind);
            cross += a[i] * mixed;
            size += fabs(a[i]);
        }
        if (!(energy > LEAST_ENERGY * size * size * sums[0]))
            return 1;
        lengthen(a, m, -2.0 * cross / energy);
    }
    return 0;
}

int burg(double *x, double *scratch, size_t n, size_t order, double *a)
{
    const int state = from_correlation(x, n, order, a);
    return state > 0 ? lattice(x, scratch, n, order, a) : state;
}
