/* Interpolation is by sin(x) / x under a raised cosine that ends PEAK_DEPTH samples away on either side, or where the
 * correlation ends (P. Boersma, Proceedings of the Institute of Phonetic Sciences 17, 1993, equation 22). The greatest
 * value is looked for with parabolas through three points of it. Their distance is as small as the curvature
 * allows: three points that differ by no more than rounding would tell nothing, and what curves little is a parabola
 * over a wider stretch, too. */
#include "pitch_peaks.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

enum {
    LANES = 8,
    TRIES = 6,
    MOST_TRIES = 60,
    SHORT = 16,     /* samples: a maximum at a lag below it may be far above the samples next to it */
    LOOKED_AT = 32, /* of the others, where the greatest is looked for, by parabola, */
    REFINED = 8,    /* and of those, by what the parabola's top is worth */
};

static const double GOLDEN = 0.3819660112501051;
static const double SHORTEST = 2.0; /* nothing repeats faster than half of the sample rate */
static const double FINE = 2e-2; /* of a phase, where there is no table */
static const double SHARP = 1e-4; /* second difference of three samples between which there may be more than one maximum */
static const double ROUNDING = 2e-6; /* second difference that may be: of a wave of 60 Hz it is 15e-6 at 96 kHz */
static const double LEAST_BEND = 2e-5; /* second difference of three points that rounding does not hide */

int peaks_init(Peaks *p, size_t last, size_t longest, int vector)
{
    memset(p, 0, sizeof *p);
    p->last = last;
    p->longest = longest < last ? longest : last;
    p->vector = vector;
    p->table = calloc(PEAK_PHASES * PEAK_TAPS, sizeof(float));
    p->memory = calloc(PEAK_DEPTH + last + 1 + PEAK_TAPS, sizeof(float));
    p->found = malloc((p->longest + 1) * sizeof(Peak));
    if (p->table == NULL || p->memory == NULL || p->found == NULL)
        return -1;
    p->value = p->memory + PEAK_DEPTH;
    for (size_t phase = 1; phase < PEAK_PHASES; phase++) {
        const double x = (double)phase / PEAK_PHASES;
        for (int k = 1 - PEAK_DEPTH; k <= PEAK_DEPTH; k++) {
            const double angle = M_PI * (x - k), reach = k <= 0 ? x + PEAK_DEPTH : PEAK_DEPTH + 1 - x;
            p->table[phase * PEAK_TAPS + (size_t)(k + PEAK_DEPTH - 1)] =
                (float)(sin(angle) / angle * (0.5 + 0.5 * cos(angle / reach)));
        }
    }
    return 0;
}

void peaks_free(Peaks *p)
{
    free(p->table);
    free(p->memory);
    free(p->found);
}

VECTOR_BODY static inline double product_body(const float *RESTRICT a, const float *RESTRICT b)
{
    float sum[LANES] = {0.0f};
    for (size_t k = 0; k < PEAK_TAPS; k += LANES)
        for (size_t l = 0; l < LANES; l++)
            sum[l] += a[k + l] * b[k + l];
    return ((double)sum[0] + sum[1]) + ((double)sum[2] + sum[3]) + (((double)sum[4] + sum[5]) + ((double)sum[6] + sum[7]));
}

static double product_plain(const float *a, const float *b)
{
    return product_body(a, b);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static double product_vector(const float *a, const float *b)
{
    return product_body(a, b);
}
#else
#define product_vector product_plain
#endif

/* Half of the sum: *depth* samples from *from* on in steps of *step*, the first one *x* away. */
static double half_sum(const float *from, ptrdiff_t step, size_t depth, double x, double reach)
{
    const double turn = M_PI / reach, twice = 2.0 * cos(turn);
    double now = cos(turn * x), before = cos(turn * (x - 1.0)), sum = 0.0, sign = 1.0;
    for (size_t j = 0; j < depth; j++) {
        sum += sign * (double)from[(ptrdiff_t)j * step] / (x + (double)j) * (0.5 + 0.5 * now);
        const double next = twice * now - before;
        before = now;
        now = next;
        sign = -sign;
    }
    return sum;
}

/* The correlation *x* of the way from lag *left* to the next, *depth* lags before the last one known. */
static double near_end(const float *r, double x, size_t depth)
{
    const double rise = (double)r[1] - (double)r[0], reach = (double)depth;
    if (depth == 1)
        return (double)r[0] + x * rise;
    if (depth == 2) { /* a cubic with the slopes that the neighbours give */
        const double from = 0.5 * ((double)r[1] - (double)r[-1]), to = 0.5 * ((double)r[2] - (double)r[0]);
        return (double)r[0] + x * (from + x * ((3.0 * rise - 2.0 * from - to) + x * (from + to - 2.0 * rise)));
    }
    return sin(M_PI * x) / M_PI *
           (half_sum(r, -1, depth, x, reach + x) + half_sum(r + 1, 1, depth, 1.0 - x, reach + 1.0 - x));
}

/* Whether there are too few lags behind *i* for the table. */
static int is_near_end(const Peaks *p, size_t i)
{
    return p->last < i + PEAK_DEPTH + 1;
}

/* The correlation at *place*, in phases; at the nearest one where the table goes. */
static double at(const Peaks *p, double place)
{
    const size_t whole = (size_t)(place + 0.5), left = whole / PEAK_PHASES, phase = whole % PEAK_PHASES;
    if (left + PEAK_DEPTH <= p->last) {
        if (phase == 0)
            return (double)p->value[left];
        const float *row = p->table + phase * PEAK_TAPS, *from = p->value + left + 1 - PEAK_DEPTH;
        return p->vector ? product_vector(from, row) : product_plain(from, row);
    }
    const double lag = place / PEAK_PHASES;
    const size_t before = (size_t)lag;
    if (before >= p->last)
        return (double)p->value[p->last];
    const size_t depth = p->last - before < PEAK_DEPTH ? p->last - before : PEAK_DEPTH;
    return lag == (double)before ? (double)p->value[before] : near_end(p->value + before, lag - (double)before, depth);
}

/* What cannot be more than 1 and is, by the interpolation, lies as far below. */
static double reflected(double strength)
{
    return strength > 1.0 ? 1.0 / strength : strength;
}

/* A maximum within one sample of sample *i*, in phases, to *tolerance*: R. P. Brent, Algorithms for Minimization without
 * Derivatives (1973), chapter 5. Of several it is the one that this search comes to. */
static Peak search(const Peaks *p, size_t i, double tolerance)
{
    double low = (double)(i - 1) * PEAK_PHASES, high = (double)(i + 1) * PEAK_PHASES;
    double x = low + GOLDEN * (high - low), second = x, third = x, step = 0.0, before = 0.0;
    double fx = at(p, x), f_second = fx, f_third = fx;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        const double middle = 0.5 * (low + high);
        if (fabs(x - middle) <= 2.0 * tolerance - 0.5 * (high - low))
            break;
        double next = 0.0;
        int golden = 1;
        if (fabs(before) > tolerance) { /* a parabola through the three best */
            const double r = (x - second) * (fx - f_third), q = (x - third) * (fx - f_second);
            const double over = (x - third) * q - (x - second) * r, under = 2.0 * (q - r);
            next = under != 0.0 ? -over / under : 2.0 * PEAK_PHASES;
            golden = fabs(next) >= fabs(0.5 * before) || x + next <= low || x + next >= high;
            if (!golden && (x + next - low < 2.0 * tolerance || high - x - next < 2.0 * tolerance))
                next = x < middle ? tolerance : -tolerance;
            before = step;
        }
        if (golden) {
            before = (x < middle ? high : low) - x;
            next = GOLDEN * before;
        }
        step = fabs(next) >= tolerance ? next : next > 0.0 ? tolerance : -tolerance;
        const double u = x + step, fu = at(p, u);
        if (fu >= fx) {
            *(u < x ? &high : &low) = x;
            third = second;
            f_third = f_second;
            second = x;
            f_second = fx;
            x = u;
            fx = fu;
        } else {
            *(u < x ? &low : &high) = u;
            if (fu >= f_second || second == x) {
                third = second;
                f_third = f_second;
                second = u;
                f_second = fu;
            } else if (fu >= f_third || third == x || third == second) {
                third = u;
                f_third = fu;
            }
        }
    }
    return (Peak){x, fx};
}

static Peak refine(const Peaks *p, size_t i)
{
    const float *r = p->value + i;
    const double bend = 2.0 * (double)r[0] - (double)r[-1] - (double)r[1];
    if (is_near_end(p, i)) {
        const Peak peak = search(p, i, FINE);
        return (Peak){peak.lag / PEAK_PHASES, reflected(peak.strength)};
    }
    double step = PEAK_PHASES;
    for (double narrow = 0.25 * bend; step > 1.0 && narrow >= LEAST_BEND; narrow *= 0.25)
        step *= 0.5;
    const double lowest = (double)(i - 1) * PEAK_PHASES, highest = (double)(i + 1) * PEAK_PHASES;
    double x = (double)i * PEAK_PHASES, y = (double)r[0];
    if (bend > SHARP)
        x = search(p, i, 1.0).lag;
    else if (bend > 0.0)
        x += 0.5 * ((double)r[1] - (double)r[-1]) / bend * PEAK_PHASES;
    for (int tries = 0; tries < TRIES; tries++) {
        const double middle = floor(x + 0.5);
        const double a = at(p, middle - step), b = at(p, middle), c = at(p, middle + step);
        const double curve = 2.0 * b - a - c, slope = 0.5 * (c - a);
        double move = curve > 0.0 ? slope / curve : (slope > 0.0 ? 1.0 : -1.0);
        const int near = fabs(move) <= 0.75;
        move = move > 2.0 ? 2.0 : move < -2.0 ? -2.0 : move;
        x = middle + move * step;
        y = curve > 0.0 ? b + 0.5 * slope * move : b;
        if (near)
            break;
        x = x < lowest ? lowest : x > highest ? highest : x;
    }
    return (Peak){x / PEAK_PHASES, reflected(y)};
}

/* The *count* of greatest strength to the front; returns how many there are. */
static size_t keep_greatest(Peak *peaks, size_t found, size_t count)
{
    size_t kept = 0;
    for (size_t j = 0; j < found; j++) {
        const Peak peak = peaks[j];
        if (kept == count && !(peak.strength > peaks[kept - 1].strength))
            continue;
        size_t place = kept < count ? kept++ : kept - 1;
        for (; place > 0 && peaks[place - 1].strength < peak.strength; place--)
            peaks[place] = peaks[place - 1];
        peaks[place] = peak;
    }
    return kept;
}

/* The top of a parabola through sample *i* and its neighbours. */
static Peak vertex(const float *r, size_t i)
{
    const double slope = 0.5 * ((double)r[i + 1] - (double)r[i - 1]);
    const double move = slope / (2.0 * (double)r[i] - (double)r[i - 1] - (double)r[i + 1]);
    return (Peak){(double)i + move, (double)r[i] + 0.5 * slope * move};
}

/* Whether sample *i* is a maximum that rounding cannot have made. */
static int is_maximum(const float *r, size_t i, double least)
{
    return (double)r[i] > least && r[i] > r[i - 1] && r[i] >= r[i + 1] &&
           2.0 * (double)r[i] - (double)r[i - 1] - (double)r[i + 1] > ROUNDING;
}

/* In `found`: the samples of local maxima, not more than *count* of them; returns how many. */
static size_t look(Peaks *p, double least, double cost, size_t count)
{
    const float *r = p->value;
    size_t found = 0;
    for (size_t i = 2; i < p->longest; i++)
        if (is_maximum(r, i, least))
            p->found[found++].lag = (double)i;
    if (found <= count)
        return found;
    for (size_t j = 0; j < found; j++) {
        const double lag = vertex(r, (size_t)p->found[j].lag).lag;
        p->found[j].strength = reflected(at(p, lag * PEAK_PHASES)) - cost * log2(lag);
    }
    return keep_greatest(p->found, found, count);
}

/* The same where one of them is the greatest: all at short lags, and those that are great by a parabola first, then by
 * what the parabola's top is worth. */
static size_t look_for_greatest(Peaks *p, double least)
{
    const float *r = p->value;
    size_t found = 0, sure = 0;
    for (size_t i = 2; i < p->longest; i++)
        if (is_maximum(r, i, least))
            p->found[found++] = (Peak){(double)i, vertex(r, i).strength};
    while (sure < found && p->found[sure].lag < SHORT)
        sure++;
    Peak *rest = p->found + sure;
    const size_t first = keep_greatest(rest, found - sure, LOOKED_AT);
    if (first <= REFINED)
        return sure + first;
    for (size_t j = 0; j < first; j++)
        rest[j].strength = reflected(at(p, vertex(r, (size_t)rest[j].lag).lag * PEAK_PHASES));
    return sure + keep_greatest(rest, first, REFINED);
}

size_t peaks_find(Peaks *p, double least, double cost, size_t count, Peak *out)
{
    for (size_t k = 1; k <= PEAK_DEPTH; k++)
        p->value[-(ptrdiff_t)k] = k <= p->last ? p->value[k] : 0.0f;
    if (count == 1) {
        const size_t found = look_for_greatest(p, least);
        size_t none = 1;
        for (size_t j = 0; j < found; j++) {
            const Peak peak = refine(p, (size_t)p->found[j].lag);
            if (peak.lag > SHORTEST && (none || peak.strength > out[0].strength)) {
                out[0] = peak;
                none = 0;
            }
        }
        return !none;
    }
    const size_t found = look(p, least, cost, count);
    for (size_t j = 0; j < found; j++)
        out[j] = refine(p, (size_t)p->found[j].lag);
    return found;
}
