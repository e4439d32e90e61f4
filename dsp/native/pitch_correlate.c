/* By the power spectrum, or the product of two spectra, and back (P. Boersma 1993, section 3.3).
 *
 * Of an autocorrelation the window is often eight times longer than the lags that are wanted, and then most of the way
 * back is saved: the N lines of the power spectrum are taken apart into eight combs, every eighth line each, whose
 * transforms of N / 8 points, turned and added, are the first N / 8 lags. The powers are real and even, so combs 5 to 7 mirror
 * combs 3 to 1, and two combs go through one complex transform. */
#include "pitch_correlate.h"
#include "vector.h"

#include <stdlib.h>
#include <string.h>

enum {
    COMBS = 8,
    NEAR = 256, /* points of eight sequences that a first-level cache holds with their scratch */
};

/* Where bin *k* of *n* points lies after `transform_body`. */
static size_t place_of(size_t k, size_t n)
{
    size_t place = 0;
    for (; n > NEAR; n /= 4, k /= 4)
        place += k % 4 * (n / 4);
    return place + k;
}

int correlator_init(Correlator *c, const float *window, size_t window_samples, size_t last, size_t points, int cross)
{
    const size_t half = points / 2;
    memset(c, 0, sizeof *c);
    c->window_samples = window_samples;
    c->last = last;
    c->cross = cross;
    c->vector = cpu_has_vector_target();
    c->window = malloc(window_samples * sizeof(float));
    c->memory = malloc(LANES * (4 * (half + 1) + 2 * NEAR) * sizeof(float));
    const size_t comb = 2 * half / COMBS;
    c->order = malloc((half + comb) * sizeof(size_t));
    if (lanes_init(&c->fft, half) < 0 || c->window == NULL || c->memory == NULL || c->order == NULL)
        return -1;
    c->comb_order = c->order + half;
    for (size_t k = 0; k < half; k++)
        c->order[k] = place_of(k, half);
    for (size_t k = 0; k < comb; k++)
        c->comb_order[k] = place_of(k, comb);
    memcpy(c->window, window, window_samples * sizeof(float));
    c->re = c->memory;
    c->im = c->re + LANES * (half + 1);
    c->re2 = c->im + LANES * (half + 1);
    c->im2 = c->re2 + LANES * (half + 1);
    c->scratch = c->im2 + LANES * (half + 1);
    return 0;
}

void correlator_free(Correlator *c)
{
    lanes_free(&c->fft);
    free(c->window);
    free(c->memory);
    free(c->order);
}

VECTOR_BODY static inline void load_body(const Correlator *c, const float *const *from, const float *mean, float scale,
                                         size_t count, float *RESTRICT even, float *RESTRICT odd)
{
    const size_t pairs = count / 2, used = count - pairs;
    for (size_t i = 0; i < 2 * pairs; i += 2) {
        const float u = c->cross ? scale : c->window[i] * scale, v = c->cross ? scale : c->window[i + 1] * scale;
        EACH_LANE {
            even[LANES / 2 * i + l] = (from[l][i] - mean[l]) * u;
            odd[LANES / 2 * i + l] = (from[l][i + 1] - mean[l]) * v;
        }
    }
    if (used > pairs) { /* only with *cross*: a window is even */
        EACH_LANE {
            even[LANES * pairs + l] = (from[l][count - 1] - mean[l]) * scale;
            odd[LANES * pairs + l] = 0.0f;
        }
    }
    memset(even + LANES * used, 0, LANES * (c->fft.half - used) * sizeof(float));
    memset(odd + LANES * used, 0, LANES * (c->fft.half - used) * sizeof(float));
}

/* A transform of *n* points that stays in the cache: four parts, every fourth bin each, until they are short. Bins lie as
 * `place_of` says. (re2, im2): scratch of NEAR points, or of n where n is less. */
VECTOR_BODY static inline void transform_body(size_t n, const float *turns, float *re, float *im, float *re2, float *im2)
{
    size_t parts = 1;
    for (; n > NEAR; n /= 4, parts *= 4) {
        const size_t m = n / 4, to = LANES * m;
        for (size_t part = 0; part < parts; part++)
            for (size_t i = 0; i < m; i++) {
                float *r = re + LANES * (part * n + i), *j = im + LANES * (part * n + i);
                const float w1r = turns[i], w2r = turns[m + i], w3r = turns[2 * m + i];
                const float w1i = turns[3 * m + i], w2i = turns[4 * m + i], w3i = turns[5 * m + i];
                EACH_LANE {
                    const float sr = r[l] + r[2 * to + l], si = j[l] + j[2 * to + l];
                    const float tr = r[l] - r[2 * to + l], ti = j[l] - j[2 * to + l];
                    const float ur = r[to + l] + r[3 * to + l], ui = j[to + l] + j[3 * to + l];
                    const float vr = r[to + l] - r[3 * to + l], vi = j[to + l] - j[3 * to + l];
                    const float e1r = tr + vi, e1i = ti - vr, e2r = sr - ur, e2i = si - ui, e3r = tr - vi, e3i = ti + vr;
                    r[l] = sr + ur;
                    j[l] = si + ui;
                    r[to + l] = e1r * w1r - e1i * w1i;
                    j[to + l] = e1r * w1i + e1i * w1r;
                    r[2 * to + l] = e2r * w2r - e2i * w2i;
                    j[2 * to + l] = e2r * w2i + e2i * w2r;
                    r[3 * to + l] = e3r * w3r - e3i * w3i;
                    j[3 * to + l] = e3r * w3i + e3i * w3r;
                }
            }
        turns += 6 * m;
    }
    for (size_t part = 0; part < parts; part++) {
        float *r = re + LANES * part * n, *j = im + LANES * part * n;
        if (fft_stages(n, LANES, turns, r, j, re2, im2)) {
            memcpy(r, re2, LANES * n * sizeof(float));
            memcpy(j, im2, LANES * n * sizeof(float));
        }
    }
}

/* Powers of lines 0 to half from a transform of even and odd samples: with E and O their spectra, O turned, those of lines
 * k and half - k are |E + O|^2 and |E - O|^2. Either as they are (in *yr*), or packed for the way back. */
VECTOR_BODY static inline void powers_body(const Correlator *c, float *RESTRICT yr, float *RESTRICT yi)
{
    const LanesFft *fft = &c->fft;
    const size_t half = fft->half;
    const float *RESTRICT zr = fft->re, *RESTRICT zi = fft->im;
    EACH_LANE {
        const float first = (zr[l] + zi[l]) * (zr[l] + zi[l]), last = (zr[l] - zi[l]) * (zr[l] - zi[l]);
        yr[l] = yi != NULL ? 0.5f * (first + last) : first;
        *(yi != NULL ? yi + l : yr + LANES * half + l) = yi != NULL ? 0.5f * (first - last) : last;
    }
    for (size_t k = 1; k <= half / 2; k++) {
        const size_t a = LANES * k, b = LANES * (half - k);
        const float *ar = zr + LANES * c->order[k], *ai = zi + LANES * c->order[k];
        const float *br = zr + LANES * c->order[half - k], *bi = zi + LANES * c->order[half - k];
        const float wr = fft->split_re[k], wi = fft->split_im[k];
        const float own = yi != NULL ? wi : 1.0f;
        EACH_LANE {
            const float er = 0.5f * (ar[l] + br[l]), ei = 0.5f * (ai[l] - bi[l]);
            const float dr = 0.5f * (ai[l] + bi[l]), di = 0.5f * (br[l] - ar[l]);
            const float pr = dr * wr - di * wi, pi = dr * wi + di * wr;
            const float sum = (er * er + ei * ei) + (pr * pr + pi * pi), apart = 2.0f * (er * pr + ei * pi);
            yr[a + l] = sum + apart * own;
            yr[b + l] = sum - apart * own;
            if (yi != NULL)
                yi[a + l] = yi[b + l] = apart * wr;
        }
    }
}

/* The transform of combs *first* and *second* of *power* (none of the latter where it is COMBS), in one. */
VECTOR_BODY static inline void combs_body(const LanesFft *fft, const float *RESTRICT power, size_t first, size_t second,
                                          float *RESTRICT re, float *RESTRICT im, float *scratch)
{
    const size_t half = fft->half, lines = 2 * half, points = lines / COMBS;
    for (size_t k = 0; k < points; k++) {
        const size_t a = COMBS * k + first, b = COMBS * k + second;
        const float *one = power + LANES * (a <= half ? a : lines - a);
        const float *other = power + LANES * (b <= half ? b : lines - b);
        const float there = second == COMBS ? 0.0f : 1.0f;
        EACH_LANE {
            re[LANES * k + l] = one[l];
            im[LANES * k + l] = other[l] * there;
        }
    }
    /* Tables of shorter transforms lie behind those of longer ones, four times shorter each. */
    const float *turns = fft->turns;
    for (size_t n = half; n > points; n /= 4)
        turns += 6 * (n / 4);
    transform_body(points, turns, re, im, scratch, scratch + LANES * NEAR);
}

/* The first lags by combs; into c->even, c->odd. */
VECTOR_BODY static inline void first_lags_body(Correlator *c, const float *power)
{
    LanesFft *fft = &c->fft;
    const size_t points = 2 * fft->half / COMBS, room = LANES * points;
    float *ur = fft->re, *ui = ur + room, *vr = ui + room, *vi = vr + room, *tr = vi + room, *ti = tr + room;
    combs_body(fft, power, 1, 2, ur, ui, c->scratch);
    combs_body(fft, power, 3, 4, vr, vi, c->scratch);
    combs_body(fft, power, 0, COMBS, tr, ti, c->scratch);
    float *RESTRICT even = c->im, *RESTRICT odd = c->re2;
    for (size_t lag = 0; lag <= c->last; lag++) {
        const size_t a = LANES * c->comb_order[lag], b = LANES * c->comb_order[lag > 0 ? points - lag : 0];
        const float c1 = fft->split_re[lag], s1 = fft->split_im[lag];
        const float c2 = fft->split_re[2 * lag], s2 = fft->split_im[2 * lag];
        const float c3 = fft->split_re[3 * lag], s3 = fft->split_im[3 * lag];
        const float c4 = 0.5f * fft->split_re[4 * lag], s4 = 0.5f * fft->split_im[4 * lag];
        float *to = (lag % 2 == 0 ? even : odd) + LANES * (lag / 2);
        EACH_LANE {
            const float r1 = ur[a + l] + ur[b + l], i1 = ui[a + l] - ui[b + l];
            const float r2 = ui[a + l] + ui[b + l], i2 = ur[b + l] - ur[a + l];
            const float r3 = vr[a + l] + vr[b + l], i3 = vi[a + l] - vi[b + l];
            const float r4 = vi[a + l] + vi[b + l], i4 = vr[b + l] - vr[a + l];
            to[l] = tr[a + l] + (r4 * c4 - i4 * s4) + ((r1 * c1 - i1 * s1) + (r2 * c2 - i2 * s2)) + (r3 * c3 - i3 * s3);
        }
    }
    c->even = even;
    c->odd = odd;
    c->lag_order = NULL;
}

/* The conjugate spectrum of (zr, zi) times that of (xr, xi), both transforms of even and odd samples, packed for the way
 * back. Of lines k and half - k the spectra are E + O and the conjugate of E - O. */
VECTOR_BODY static inline void product_body(const Correlator *c, const float *RESTRICT zr, const float *RESTRICT zi,
                                            const float *RESTRICT xr, const float *RESTRICT xi, float *RESTRICT yr,
                                            float *RESTRICT yi)
{
    const LanesFft *fft = &c->fft;
    const size_t half = fft->half;
    EACH_LANE {
        const float first = (zr[l] + zi[l]) * (xr[l] + xi[l]), last = (zr[l] - zi[l]) * (xr[l] - xi[l]);
        yr[l] = 0.5f * (first + last);
        yi[l] = 0.5f * (first - last);
    }
    for (size_t k = 1; k <= half / 2; k++) {
        const size_t a = LANES * c->order[k], b = LANES * c->order[half - k];
        const float wr = 0.5f * fft->split_re[k], wi = 0.5f * fft->split_im[k];
        float *kr = yr + LANES * k, *ki = yi + LANES * k;
        float *mr = yr + LANES * (half - k), *mi = yi + LANES * (half - k);
        EACH_LANE {
            const float er = 0.5f * (zr[a + l] + zr[b + l]), ei = 0.5f * (zi[a + l] - zi[b + l]);
            const float dr = zi[a + l] + zi[b + l], di = zr[b + l] - zr[a + l];
            const float pr = dr * wr - di * wi, pi = dr * wi + di * wr;
            const float gr = 0.5f * (xr[a + l] + xr[b + l]), gi = 0.5f * (xi[a + l] - xi[b + l]);
            const float fr = xi[a + l] + xi[b + l], fi = xr[b + l] - xr[a + l];
            const float hr = fr * wr - fi * wi, hi = fr * wi + fi * wr;
            /* The sum and the difference of the products of lines k and half - k, halved and as it is. */
            const float sr = (er * gr + ei * gi) + (pr * hr + pi * hi), si = (er * gi - ei * gr) + (pr * hi - pi * hr);
            const float ur = (er * hr + ei * hi) + (pr * gr + pi * gi), ui = (er * hi - ei * hr) + (pr * gi - pi * gr);
            const float qr = 2.0f * (ur * wr + ui * wi), qi = 2.0f * (ui * wr - ur * wi);
            kr[l] = sr - qi;
            ki[l] = si + qr;
            mr[l] = sr + qi;
            mi[l] = qr - si;
        }
    }
}

VECTOR_BODY static inline void run_body(Correlator *c, const float *const *from, const float *mean, float scale)
{
    LanesFft *fft = &c->fft;
    float *scratch = c->scratch, *more = scratch + LANES * NEAR;
    const size_t half = fft->half;
    load_body(c, from, mean, scale, c->window_samples, fft->re, fft->im);
    transform_body(half, fft->turns, fft->re, fft->im, scratch, more);
    if (c->cross) {
        load_body(c, from, mean, scale, c->window_samples + c->last, c->re, c->im);
        transform_body(half, fft->turns, c->re, c->im, scratch, more);
        product_body(c, fft->re, fft->im, c->re, c->im, fft->re2, fft->im2);
    } else if (c->last < 2 * half / COMBS) {
        powers_body(c, c->re, NULL);
        first_lags_body(c, c->re);
        return;
    } else {
        powers_body(c, fft->re2, fft->im2);
    }
    transform_body(half, fft->turns, fft->im2, fft->re2, scratch, more);
    c->even = fft->re2;
    c->odd = fft->im2;
    c->lag_order = c->order;
}

static void run_plain(Correlator *c, const float *const *from, const float *mean, float scale)
{
    run_body(c, from, mean, scale);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void run_vector(Correlator *c, const float *const *from, const float *mean, float scale)
{
    run_body(c, from, mean, scale);
}
#else
#define run_vector run_plain
#endif

void correlator_run(Correlator *c, const float *const *from, const float *mean, float scale)
{
    (c->vector ? run_vector : run_plain)(c, from, mean, scale);
}

void correlator_get(const Correlator *c, size_t l, float *lags)
{
    const float *even = c->even + l, *odd = c->odd + l;
    for (size_t i = 0; i <= c->last; i++)
        lags[i] = (i % 2 == 0 ? even : odd)[LANES * (c->lag_order != NULL ? c->lag_order[i / 2] : i / 2)];
}

VECTOR_BODY static inline void sum_body(Correlator *c, const float *from, float mean, float scale, float *RESTRICT lags)
{
    const size_t size = c->window_samples, whole = size - size % LANES;
    float *RESTRICT sound = c->re;
    for (size_t i = 0; i < size + c->last; i++)
        sound[i] = (from[i] - mean) * scale;
    for (size_t lag = 0; lag <= c->last; lag++) {
        float sums[LANES] = {0.0f};
        for (size_t i = 0; i < whole; i += LANES)
            EACH_LANE
                sums[l] += sound[i + l] * sound[i + lag + l];
        for (size_t i = whole; i < size; i++)
            sums[0] += sound[i] * sound[i + lag];
        lags[lag] = (((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))) *
                    (float)c->fft.half;
    }
}

static void sum_plain(Correlator *c, const float *from, float mean, float scale, float *lags)
{
    sum_body(c, from, mean, scale, lags);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void sum_vector(Correlator *c, const float *from, float mean, float scale, float *lags)
{
    sum_body(c, from, mean, scale, lags);
}
#else
#define sum_vector sum_plain
#endif

void correlator_sum(Correlator *c, const float *from, float mean, float scale, float *lags)
{
    (c->vector ? sum_vector : sum_plain)(c, from, mean, scale, lags);
}
