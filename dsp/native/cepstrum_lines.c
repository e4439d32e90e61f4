/* Smoothing, background and peak of cepstra: medians by selection, no sorting. */
#include "cepstrum_lines.h"
#include "vector.h"
#include "vector_math.h"

#include <float.h>
#include <string.h>

enum { REACH = LINES_REACH, MAX_PASSES = 60 };

VECTOR_BODY static inline void to_db_body(const float *RESTRICT powers, size_t count, float *RESTRICT out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = 3.01029996f * logarithm(powers[i] + 1e-30f);
}

VECTOR_BODY static inline int count_body(const float *x, size_t n, float pivot)
{
    int below = 0;
    for (size_t i = 0; i < n; i++)
        below += x[i] <= pivot;
    return below;
}

VECTOR_BODY static inline void smooth_body(const float *RESTRICT rows, const float *RESTRICT weights, size_t taps,
                                           size_t count, float *RESTRICT between, float *RESTRICT out)
{
    memset(between, 0, count * sizeof(float));
    size_t first = 0, past = taps;
    while (first < past && weights[first] == 0.0f)
        first++;
    while (past > first && weights[past - 1] == 0.0f)
        past--;
    /* Four rows at a time. */
    for (; first + 4 <= past; first += 4) {
        const float a0 = weights[first], a1 = weights[first + 1], a2 = weights[first + 2], a3 = weights[first + 3];
        const float *r0 = rows + first * count, *r1 = r0 + count, *r2 = r1 + count, *r3 = r2 + count;
        for (size_t i = 0; i < count; i++)
            between[i] += (a0 * r0[i] + a1 * r1[i]) + (a2 * r2[i] + a3 * r3[i]);
    }
    for (; first < past; first++) {
        const float weight = weights[first], *row = rows + first * count;
        for (size_t i = 0; i < count; i++)
            between[i] += weight * row[i];
    }
    const float *b = between + REACH;
    float *RESTRICT inner = out + REACH;
    for (size_t i = 0; i < count - 2 * REACH; i++)
        inner[i] = 0.1f * (0.5f * (b[i - 5] + b[i + 5]) + ((b[i - 4] + b[i + 4]) + (b[i - 3] + b[i + 3])) +
                           ((b[i - 2] + b[i + 2]) + (b[i - 1] + b[i + 1]) + b[i]));
    for (size_t i = 0; i < REACH; i++) {
        float left = 0.5f * (between[0] + between[i + REACH]);
        float right = 0.5f * (between[count - 1] + between[count - 1 - i - REACH]);
        for (size_t j = 1; j < i + REACH; j++) {
            left += between[j];
            right += between[count - 1 - j];
        }
        out[i] = left / (float)(i + REACH);
        out[count - 1 - i] = right / (float)(i + REACH);
    }
}

/* Whole numbers that are in the order of the numbers they stand for, and back. */
VECTOR_BODY static inline int32_t order_of(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((bits >> 31) & 0x7fffffff);
}

VECTOR_BODY static inline float of_order(int32_t order)
{
    const int32_t bits = order ^ ((order >> 31) & 0x7fffffff);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The greatest that is not above *pivot* and the least that is. */
VECTOR_BODY static inline void around_body(const float *x, size_t n, float pivot, float *under, float *over)
{
    const int32_t at = order_of(pivot + 0.0f); /* of the two zeros the greater */
    int32_t below = INT32_MIN, above = INT32_MAX;
    for (size_t i = 0; i < n; i++) {
        const int32_t order = order_of(x[i]), is_low = -(order <= at);
        const int32_t low = (order & is_low) | (INT32_MIN & ~is_low), high = (order & ~is_low) | (INT32_MAX & is_low);
        below = low > below ? low : below;
        above = high < above ? high : above;
    }
    *under = of_order(below);
    *over = of_order(above);
}

/* Median: a pivot is moved until as many items are below it as above, so most items are only ever counted. */
VECTOR_BODY static inline float median_body(const float *x, size_t n, float *guess)
{
    const int wanted = (int)((n + 1) / 2);
    int under_low = 0, under_high = (int)n, has_low = 0, has_high = 0, at = 0;
    float low = 0.0f, high = 0.0f, pivot = *guess, stretch = 1.2f;
    for (int pass = 0; pass < MAX_PASSES; pass++) {
        at = count_body(x, n, pivot);
        if (at == wanted)
            break;
        if (at < wanted) {
            low = pivot;
            under_low = at;
            has_low = 1;
        } else {
            high = pivot;
            under_high = at;
            has_high = 1;
        }
        if (has_low && has_high) {
            float share = ((float)(wanted - under_low) + 0.5f) / (float)(under_high - under_low + 1);
            if (pass % 4 == 3)
                share = 0.5f;
            pivot = low + share * (high - low);
            if (high - low <= 1e-7f * (fabsf(low) + fabsf(high)))
                break;
        } else {
            /* As many items further on as are wanted, were they evenly spread over 12 dB. */
            pivot += stretch * ((float)(wanted - at) + (has_low ? 0.5f : -0.5f)) * (12.0f / (float)n);
            stretch *= 2.0f;
        }
    }
    /* Equal items, or hardly any room left: no pivot parts them. */
    if (at != wanted && has_high)
        pivot = high;
    float under, over;
    around_body(x, n, pivot, &under, &over);
    *guess = under;
    return at == wanted && n % 2 == 0 ? 0.5f * (under + over) : under;
}

VECTOR_BODY static inline void robust_body(const float *RESTRICT db, size_t count, float *RESTRICT spare, Guess *guess,
                                           double *found)
{
    const size_t half = count / 2, apart = count - half;
    for (size_t i = 0; i < half; i++)
        spare[i] = db[i + apart] - db[i];
    const float rise = median_body(spare, half, &guess->slope), slope = rise / (float)apart;
    for (size_t i = 0; i < count; i++)
        spare[i] = db[i] - slope * (float)(int)i;
    found[SLOPE] = slope;
    found[INTERCEPT] = median_body(spare, count, &guess->level);
}

/* Heights of the parabolas through each item that is a peak, and its neighbours, into *out*; which is the highest. */
VECTOR_BODY static inline size_t parabolas_body(const float *y, size_t n, float *RESTRICT out)
{
    const int32_t none = order_of(-FLT_MAX);
    int32_t best = none;
    for (size_t i = 0; i < n; i++) {
        const float before = y[(ptrdiff_t)i - 1], here = y[i], behind = y[i + 1];
        const float rise = 0.5f * (behind - before), bend = 2.0f * here - before - behind;
        const int32_t order = order_of(here + 0.5f * rise * rise / bend);
        const int32_t is_peak = -((here > before) & (here >= behind));
        const int32_t height = (order & is_peak) | (none & ~is_peak);
        out[i] = of_order(height);
        best = height > best ? height : best;
    }
    size_t at = 0;
    while (at + 1 < n && order_of(out[at]) != best)
        at++;
    return at;
}

VECTOR_BODY static inline double regression_body(const float *db, size_t count, size_t first, size_t low, size_t high)
{
    enum { LANES = 8 };
    const size_t n = count - first, whole = n - n % LANES;
    const double middle = 0.5 * (double)(n - 1);
    const float *y = db + first;
    float sums[LANES] = {0}, turns[LANES] = {0};
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            sums[l] += y[i + l];
            turns[l] += ((float)(int)(i + l) - (float)middle) * y[i + l];
        }
    double sum = 0.0, turn = 0.0;
    for (size_t l = 0; l < LANES; l++) {
        sum += sums[l];
        turn += turns[l];
    }
    for (size_t i = whole; i < n; i++) {
        sum += y[i];
        turn += ((double)i - middle) * y[i];
    }
    int32_t best = INT32_MIN;
    for (size_t i = low; i <= high; i++) {
        const int32_t order = order_of(db[i]);
        best = order > best ? order : best;
    }
    size_t at = low;
    while (at < high && order_of(db[at]) != best)
        at++;
    const double points = (double)n, slope = turn / (points * (points * points - 1.0) / 12.0);
    return db[at] - (sum / points + slope * ((double)at - (double)first - middle));
}

#define FOR_BOTH(name, parameters, arguments)                                                                          \
    static void name##_plain parameters                                                                                \
    {                                                                                                                  \
        name##_body arguments;                                                                                         \
    }                                                                                                                  \
    VECTOR_TWIN(name, parameters, arguments)

#ifdef HAVE_VECTOR_TARGET
#define VECTOR_TWIN(name, parameters, arguments)                                                                       \
    VECTOR_TARGET static void name##_vector parameters                                                                 \
    {                                                                                                                  \
        name##_body arguments;                                                                                         \
    }
#else
#define VECTOR_TWIN(name, parameters, arguments)                                                                       \
    static void name##_vector parameters                                                                               \
    {                                                                                                                  \
        name##_body arguments;                                                                                         \
    }
#endif

FOR_BOTH(to_db, (const float *powers, size_t count, float *out), (powers, count, out))
FOR_BOTH(smooth,
         (const float *rows, const float *weights, size_t taps, size_t count, float *between, float *out),
         (rows, weights, taps, count, between, out))
FOR_BOTH(robust, (const float *db, size_t count, float *spare, Guess *guess, double *found),
         (db, count, spare, guess, found))

static size_t parabolas_plain(const float *y, size_t n, float *out)
{
    return parabolas_body(y, n, out);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static size_t parabolas_vector(const float *y, size_t n, float *out)
{
    return parabolas_body(y, n, out);
}
#else
#define parabolas_vector parabolas_plain
#endif

static double regression_plain(const float *db, size_t count, size_t first, size_t low, size_t high)
{
    return regression_body(db, count, first, low, high);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static double regression_vector(const float *db, size_t count, size_t first, size_t low, size_t high)
{
    return regression_body(db, count, first, low, high);
}
#else
#define regression_vector regression_plain
#endif

double lines_regression(const float *db, size_t count, size_t first, size_t low, size_t high, int vector)
{
    return (vector ? regression_vector : regression_plain)(db, count, first, low, high);
}

void lines_to_db(const float *powers, size_t count, float *out, int vector)
{
    (vector ? to_db_vector : to_db_plain)(powers, count, out);
}

void lines_smooth(const float *rows, const float *weights, size_t taps, size_t count, float *between,
                  float *out, int vector)
{
    (vector ? smooth_vector : smooth_plain)(rows, weights, taps, count, between, out);
}

void lines_robust(const float *db, size_t count, float *spare, Guess *guess, double *found, int vector)
{
    (vector ? robust_vector : robust_plain)(db, count, spare, guess, found);
}

void lines_peak(const float *db, size_t low, size_t high, float *spare, double *found, int vector)
{
    const size_t edge = db[low] >= db[high] ? low : high;
    double best = db[edge], at = (double)edge;
    const size_t top = (vector ? parabolas_vector : parabolas_plain)(db + low, high - low + 1, spare);
    if (spare[top] > -FLT_MAX) {
        const float *y = db + low + top;
        const double rise = 0.5 * ((double)y[1] - y[-1]), bend = 2.0 * y[0] - y[-1] - (double)y[1];
        const double height = y[0] + 0.5 * rise * rise / bend;
        if (height > best) {
            best = height;
            at = (double)(low + top) + rise / bend;
        }
    }
    found[PEAK_BIN] = at;
    found[PEAK_DB] = best;
    found[PROMINENCE] = best - (found[INTERCEPT] + found[SLOPE] * at);
}
