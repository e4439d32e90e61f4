/* Power cepstra of windows of a sound.
 *
 * Eight windows go side by side through both transforms. The first is in float32 unless a spectrum turns out to have
 * valleys so deep that rounding would fill them, as between the harmonics of a voice without any noise: then it is done
 * again in float64. The second, of a logarithm, is in float32. As that is real and even, a transform of half the
 * length does (W. H. Press et al., Numerical Recipes, 3rd ed., section 12.4.2). */
#include "cepstrum_frames.h"

#include "fft_stages.h"
#include "vector.h"
#include "vector_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

enum { LANES = 8, FOUR = 4 };

/* What a power spectrum is at least, the logarithm of nothing being no number. */
#define FLOOR 1e-37f

/* Rounding is a noise of 5e-14 of the mean line in a float32 transform of 1024 points, so what is this far below the mean
 * has a logarithm that is wrong by 0.01. A few such lines do no harm: noise has them, too. */
#define DEEP 2e-9f
enum { FEW = 100 }; /* one in so many lines */

/* fft_stages.h in float64. */
VECTOR_BODY static inline void wide_stage4(size_t m, size_t s, const double *RESTRICT turns, const double *RESTRICT re,
                                           const double *RESTRICT im, double *RESTRICT to_re, double *RESTRICT to_im)
{
    const double *c1 = turns, *c2 = c1 + m, *c3 = c2 + m, *s1 = c3 + m, *s2 = s1 + m, *s3 = s2 + m;
    for (size_t p = 0; p < m; p++) {
        const double *ar = re + s * p, *br = ar + s * m, *cr = br + s * m, *dr = cr + s * m;
        const double *ai = im + s * p, *bi = ai + s * m, *ci = bi + s * m, *di = ci + s * m;
        double *yr = to_re + 4 * s * p, *yi = to_im + 4 * s * p;
        const double w1r = c1[p], w2r = c2[p], w3r = c3[p], w1i = s1[p], w2i = s2[p], w3i = s3[p];
        INDEPENDENT for (size_t q = 0; q < s; q++) {
            const double sr = ar[q] + cr[q], si = ai[q] + ci[q], tr = ar[q] - cr[q], ti = ai[q] - ci[q];
            const double ur = br[q] + dr[q], ui = bi[q] + di[q], vr = br[q] - dr[q], vi = bi[q] - di[q];
            const double e1r = tr + vi, e1i = ti - vr, e3r = tr - vi, e3i = ti + vr, e2r = sr - ur, e2i = si - ui;
            yr[q] = sr + ur;
            yi[q] = si + ui;
            yr[q + s] = e1r * w1r - e1i * w1i;
            yi[q + s] = e1r * w1i + e1i * w1r;
            yr[q + 2 * s] = e2r * w2r - e2i * w2i;
            yi[q + 2 * s] = e2r * w2i + e2i * w2r;
            yr[q + 3 * s] = e3r * w3r - e3i * w3i;
            yi[q + 3 * s] = e3r * w3i + e3i * w3r;
        }
    }
}

/* Transforms FOUR complex sequences of *n* points side by side; the result lies in (*re, *im), which are exchanged
 * with (*re2, *im2) where need be. */
VECTOR_BODY static inline void wide_stages(size_t n, const double *turns, double **re, double **im, double **re2,
                                           double **im2)
{
    for (size_t s = FOUR; n > 1; s *= 4) {
        if (n == 2) {
            for (size_t q = 0; q < s; q++) {
                (*re2)[q] = (*re)[q] + (*re)[q + s];
                (*im2)[q] = (*im)[q] + (*im)[q + s];
                (*re2)[q + s] = (*re)[q] - (*re)[q + s];
                (*im2)[q + s] = (*im)[q] - (*im)[q + s];
            }
        } else {
            wide_stage4(n / 4, s, turns, *re, *im, *re2, *im2);
            turns += 6 * (n / 4);
        }
        double *swap = *re;
        *re = *re2;
        *re2 = swap;
        swap = *im;
        *im = *im2;
        *im2 = swap;
        n = n == 2 ? 1 : n / 4;
    }
}

/* Power of line k of FOUR real sequences, from lines k (a) and half - k (b) of their even and odd samples' transform. */
VECTOR_BODY static inline void power_of_lines(const double *RESTRICT ar, const double *RESTRICT ai,
                                              const double *RESTRICT br, const double *RESTRICT bi, double wr, double wi,
                                              double scale, float *RESTRICT out)
{
    INDEPENDENT for (size_t l = 0; l < FOUR; l++) {
        const double er = 0.5 * (ar[l] + br[l]), ei = 0.5 * (ai[l] - bi[l]);
        const double dr = 0.5 * (ai[l] + bi[l]), di = 0.5 * (br[l] - ar[l]);
        const double xr = er + (dr * wr - di * wi), xi = ei + (dr * wi + di * wr);
        out[l] = (float)((xr * xr + xi * xi) * scale);
    }
}

/* Mean of a window. */
VECTOR_BODY static inline double mean_of(const double *sound, size_t samples)
{
    double sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= samples; i += 8)
        for (size_t j = 0; j < 8; j++)
            sum[j] += sound[i + j];
    for (; i < samples; i++)
        sum[0] += sound[i];
    return (((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]))) / (double)samples;
}

/* Power spectra of FOUR windows, into lanes *first* to *first* + 3 of `level`. */
VECTOR_BODY static inline void spectra_body(CepstrumFrames *self, const double *const *sounds, size_t first)
{
    const size_t half = self->points / 2, pairs = self->samples / 2;
    double *re = self->wide, *im = re + half * FOUR, *re2 = im + half * FOUR, *im2 = re2 + half * FOUR;
    double mean[FOUR];
    for (size_t l = 0; l < FOUR; l++)
        mean[l] = mean_of(sounds[l], self->samples);
    for (size_t j = 0; j < pairs; j++) {
        const double even = self->window[2 * j], odd = self->window[2 * j + 1];
        for (size_t l = 0; l < FOUR; l++) {
            re[j * FOUR + l] = (sounds[l][2 * j] - mean[l]) * even;
            im[j * FOUR + l] = (sounds[l][2 * j + 1] - mean[l]) * odd;
        }
    }
    memset(re + pairs * FOUR, 0, (half - pairs) * FOUR * sizeof(double));
    memset(im + pairs * FOUR, 0, (half - pairs) * FOUR * sizeof(double));
    if (self->samples % 2 == 1)
        for (size_t l = 0; l < FOUR; l++)
            re[pairs * FOUR + l] = (sounds[l][2 * pairs] - mean[l]) * self->window[2 * pairs];
    wide_stages(half, self->turns, &re, &im, &re2, &im2);
    const double scale = 1.0 / (self->rate * self->rate);
    for (size_t k = 0; k <= half; k++) {
        const size_t a = k % half * FOUR, b = (half - k) % half * FOUR;
        power_of_lines(re + a, im + a, re + b, im + b, self->split_re[k], self->split_im[k], scale,
                       self->level + k * LANES + first);
    }
}

/* As power_of_lines, LANES in float32. */
VECTOR_BODY static inline void narrow_power(const float *RESTRICT ar, const float *RESTRICT ai, const float *RESTRICT br,
                                            const float *RESTRICT bi, float wr, float wi, float scale,
                                            float *RESTRICT out)
{
    INDEPENDENT for (size_t l = 0; l < LANES; l++) {
        const float er = 0.5f * (ar[l] + br[l]), ei = 0.5f * (ai[l] - bi[l]);
        const float dr = 0.5f * (ai[l] + bi[l]), di = 0.5f * (br[l] - ar[l]);
        const float xr = er + (dr * wr - di * wi), xi = ei + (dr * wi + di * wr);
        out[l] = (xr * xr + xi * xi) * scale;
    }
}

VECTOR_BODY static inline void add_lines(const float *RESTRICT power, float *RESTRICT sum)
{
    INDEPENDENT for (size_t l = 0; l < LANES; l++)
        sum[l] += power[l];
}

VECTOR_BODY static inline void count_below(const float *RESTRICT power, const float *RESTRICT limit,
                                           int32_t *RESTRICT below)
{
    INDEPENDENT for (size_t l = 0; l < LANES; l++)
        below[l] += power[l] < limit[l];
}

/* Power spectra of LANES windows into `level`, in float32; returns which of the two FOURs have too deep valleys. */
VECTOR_BODY static inline int narrow_spectra_body(CepstrumFrames *self, const double *const *sounds)
{
    const size_t half = self->points / 2, pairs = self->samples / 2;
    float *re = self->quick, *im = re + half * LANES, *re2 = im + half * LANES, *im2 = re2 + half * LANES;
    double mean[LANES];
    for (size_t l = 0; l < LANES; l++)
        mean[l] = mean_of(sounds[l], self->samples);
    for (size_t j = 0; j < pairs; j++) {
        const double even = self->window[2 * j], odd = self->window[2 * j + 1];
        for (size_t l = 0; l < LANES; l++) {
            re[j * LANES + l] = (float)((sounds[l][2 * j] - mean[l]) * even);
            im[j * LANES + l] = (float)((sounds[l][2 * j + 1] - mean[l]) * odd);
        }
    }
    memset(re + pairs * LANES, 0, (half - pairs) * LANES * sizeof(float));
    memset(im + pairs * LANES, 0, (half - pairs) * LANES * sizeof(float));
    if (self->samples % 2 == 1)
        for (size_t l = 0; l < LANES; l++)
            re[pairs * LANES + l] = (float)((sounds[l][2 * pairs] - mean[l]) * self->window[2 * pairs]);
    if (fft_stages(half, LANES, self->quick_turns, re, im, re2, im2)) {
        re = re2;
        im = im2;
    }
    const float scale = (float)(1.0 / (self->rate * self->rate));
    float sum[LANES] = {0};
    for (size_t k = 0; k <= half; k++) {
        const size_t a = k % half * LANES, b = (half - k) % half * LANES;
        narrow_power(re + a, im + a, re + b, im + b, self->quick_re[k], self->quick_im[k], scale,
                     self->level + k * LANES);
    }
    float limit[LANES];
    int32_t below[LANES] = {0};
    for (size_t k = 0; k <= half; k++)
        add_lines(self->level + k * LANES, sum);
    for (size_t l = 0; l < LANES; l++)
        limit[l] = DEEP / (float)self->lines * sum[l];
    for (size_t k = 0; k <= half; k++)
        count_below(self->level + k * LANES, limit, below);
    int deep = 0;
    for (size_t l = 0; l < LANES; l++)
        if (below[l] > (int32_t)(self->lines / FEW) || !(sum[l] > 0.0f))
            deep |= 1 << l / FOUR;
    return deep;
}

/* What the real transform of half the length is of: *f* and *g* are items j and n - j. */
VECTOR_BODY static inline void fold(const float *RESTRICT f, const float *RESTRICT g, float sine, float cosine,
                                    float *RESTRICT to, float *RESTRICT odd)
{
    INDEPENDENT for (size_t l = 0; l < LANES; l++) {
        const float sum = f[l] + g[l], apart = f[l] - g[l];
        to[l] = 0.5f * sum - sine * apart;
        odd[l] += cosine * f[l];
    }
}

/* Items 2 k and 2 k + 1 of the cepstra, from lines k (a) and half - k (b) of that transform. */
VECTOR_BODY static inline void unfold(const float *RESTRICT ar, const float *RESTRICT ai, const float *RESTRICT br,
                                      const float *RESTRICT bi, float wr, float wi, float scale, float *RESTRICT odd,
                                      float *RESTRICT out)
{
    INDEPENDENT for (size_t l = 0; l < LANES; l++) {
        const float er = 0.5f * (ar[l] + br[l]), ei = 0.5f * (ai[l] - bi[l]);
        const float dr = 0.5f * (ai[l] + bi[l]), di = 0.5f * (br[l] - ar[l]);
        const float even = scale * (er + (dr * wr - di * wi));
        odd[l] -= scale * (ei + (dr * wi + di * wr)); /* the transform's sign is the other one */
        out[l] = even * even;
        out[l + LANES] = odd[l] * odd[l];
    }
}

/* From `level`, power spectra of LANES windows side by side, the power cepstra of the first *count* in rows of *out*. */
VECTOR_BODY static inline void cepstra_body(CepstrumFrames *self, size_t count, float *out)
{
    const size_t n = self->points / 2, half = n / 2;
    float *level = self->level;
    float *re = self->narrow, *im = re + half * LANES, *re2 = im + half * LANES, *im2 = re2 + half * LANES;
    for (size_t i = 0; i < self->lines * LANES; i++)
        level[i] = 0.69314718f * logarithm(level[i] + FLOOR);
    const float scale = (float)(self->rate / (double)n);
    float odd[LANES];
    for (size_t l = 0; l < LANES; l++)
        odd[l] = -0.5f * (level[l] + level[n * LANES + l]);
    for (size_t j = 0; j < n; j++)
        fold(level + j * LANES, level + (n - j) * LANES, self->sine[j], self->cosine[j],
             (j % 2 == 0 ? re : im) + j / 2 * LANES, odd);
    if (fft_stages(half, LANES, self->turns2, re, im, re2, im2)) {
        re = re2;
        im = im2;
    }
    for (size_t l = 0; l < LANES; l++)
        odd[l] *= scale;
    for (size_t k = 0; k <= half; k++) {
        const size_t a = k % half * LANES, b = (half - k) % half * LANES;
        unfold(re + a, im + a, re + b, im + b, self->split2_re[k], self->split2_im[k], scale, odd,
               level + 2 * k * LANES);
    }
    for (size_t l = 0; l < count; l++)
        for (size_t k = 0; k < self->lines; k++)
            out[l * self->lines + k] = level[k * LANES + l];
}

static void spectra_plain(CepstrumFrames *self, const double *const *sounds, size_t first)
{
    spectra_body(self, sounds, first);
}

static int narrow_spectra_plain(CepstrumFrames *self, const double *const *sounds)
{
    return narrow_spectra_body(self, sounds);
}

static void cepstra_plain(CepstrumFrames *self, size_t count, float *out)
{
    cepstra_body(self, count, out);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void spectra_vector(CepstrumFrames *self, const double *const *sounds, size_t first)
{
    spectra_body(self, sounds, first);
}

VECTOR_TARGET static int narrow_spectra_vector(CepstrumFrames *self, const double *const *sounds)
{
    return narrow_spectra_body(self, sounds);
}

VECTOR_TARGET static void cepstra_vector(CepstrumFrames *self, size_t count, float *out)
{
    cepstra_body(self, count, out);
}
#else
#define spectra_vector spectra_plain
#define narrow_spectra_vector narrow_spectra_plain
#define cepstra_vector cepstra_plain
#endif

/* As `fft_tables`, in float64: *half* complex points; the split has one item more. */
static void fill_tables(size_t half, double *turns, double *split_re, double *split_im)
{
    for (size_t k = 0; k <= half; k++) {
        const double angle = M_PI * (double)k / (double)half;
        split_re[k] = cos(angle);
        split_im[k] = -sin(angle);
    }
    for (size_t n = half; n >= 4; n /= 4) {
        const size_t m = n / 4;
        for (size_t power = 1; power <= 3; power++)
            for (size_t p = 0; p < m; p++) {
                const double angle = 2.0 * M_PI * (double)(p * power) / (double)n;
                turns[(power - 1) * m + p] = cos(angle);
                turns[(power + 2) * m + p] = -sin(angle);
            }
        turns += 6 * m;
    }
}

int cepstrum_frames_init(CepstrumFrames *self, const double *window, size_t samples, size_t points, double rate,
                         int vector)
{
    const size_t n = points / 2, half = n / 2;
    self->samples = samples;
    self->points = points;
    self->lines = n + 1;
    self->rate = rate;
    self->vector = vector;
    self->window = malloc(self->samples * sizeof(double));
    self->turns = malloc((4 * n + 2) * sizeof(double));
    self->wide = malloc(4 * n * FOUR * sizeof(double));
    self->turns2 = malloc((4 * half + 2 + 2 * n) * sizeof(float));
    self->narrow = malloc(4 * half * LANES * sizeof(float));
    self->quick_turns = malloc((4 * n + 2) * sizeof(float));
    self->quick = malloc(4 * n * LANES * sizeof(float));
    self->level = malloc((self->lines + 1) * LANES * sizeof(float));
    if (self->window == NULL || self->turns == NULL || self->wide == NULL || self->turns2 == NULL ||
        self->narrow == NULL || self->quick_turns == NULL || self->quick == NULL || self->level == NULL)
        return -1;
    memcpy(self->window, window, self->samples * sizeof(double));
    /* The tables of the second transform by way of the first's room. */
    fill_tables(half, self->turns, self->turns + 2 * half, self->turns + 3 * half + 1);
    for (size_t i = 0; i < 4 * half + 2; i++)
        self->turns2[i] = (float)self->turns[i];
    self->split2_re = self->turns2 + 2 * half;
    self->split2_im = self->split2_re + half + 1;
    self->sine = self->split2_im + half + 1;
    self->cosine = self->sine + n;
    for (size_t j = 0; j < n; j++) {
        self->sine[j] = (float)sin(M_PI * (double)j / (double)n);
        self->cosine[j] = (float)cos(M_PI * (double)j / (double)n);
    }
    self->split_re = self->turns + 2 * n;
    self->split_im = self->split_re + n + 1;
    fill_tables(n, self->turns, self->split_re, self->split_im);
    for (size_t i = 0; i < 4 * n + 2; i++)
        self->quick_turns[i] = (float)self->turns[i];
    self->quick_re = self->quick_turns + 2 * n;
    self->quick_im = self->quick_re + n + 1;
    return 0;
}

void cepstrum_frames_free(CepstrumFrames *self)
{
    free(self->window);
    free(self->turns);
    free(self->wide);
    free(self->turns2);
    free(self->narrow);
    free(self->quick_turns);
    free(self->quick);
    free(self->level);
}

size_t cepstrum_frames_powers(CepstrumFrames *self, const double *samples, const double *starts, size_t count, float *out)
{
    size_t deep_ones = 0;
    for (size_t i = 0; i < count; i += LANES) {
        const double *sounds[LANES];
        for (size_t l = 0; l < LANES; l++)
            sounds[l] = samples + (size_t)starts[i + l < count ? i + l : count - 1];
        const int deep = (self->vector ? narrow_spectra_vector : narrow_spectra_plain)(self, sounds);
        for (size_t first = 0; first < LANES; first += FOUR)
            if (deep >> first / FOUR & 1) {
                (self->vector ? spectra_vector : spectra_plain)(self, sounds + first, first);
                deep_ones += i + first < count ? (count - i - first < FOUR ? count - i - first : FOUR) : 0;
            }
        (self->vector ? cepstra_vector : cepstra_plain)(self, count - i < LANES ? count - i : LANES,
                                                        out + i * self->lines);
    }
    return deep_ones;
}
