/* Fast Fourier transform of real float32 sequences: Stockham's self-sorting form, radix 4 and one step of radix 2.
 *
 * Two halves of a real sequence, its even and its odd samples, are one complex sequence of half the length
 * (W. H. Press et al., Numerical Recipes, 3rd ed., section 12.3.2). Stockham's form (W. T. Cochran et al., What is
 * the Fast Fourier Transform?, 1967) needs no bit reversal and reads and writes in order. Real and imaginary parts
 * are kept apart, so that loops become vectors; the inverse is the forward transform with the two exchanged. */
#include "fft.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

/* One stage of radix 4: *m* groups of four points, each *s* sequences wide. */
VECTOR_BODY static inline void stage4(size_t m, size_t s, const float *RESTRICT turns, const float *RESTRICT re,
                                      const float *RESTRICT im, float *RESTRICT to_re, float *RESTRICT to_im)
{
    const float *c1 = turns, *c2 = c1 + m, *c3 = c2 + m, *s1 = c3 + m, *s2 = s1 + m, *s3 = s2 + m;
    for (size_t p = 0; p < m; p++) {
        const float *ar = re + s * p, *br = ar + s * m, *cr = br + s * m, *dr = cr + s * m;
        const float *ai = im + s * p, *bi = ai + s * m, *ci = bi + s * m, *di = ci + s * m;
        float *yr = to_re + 4 * s * p, *yi = to_im + 4 * s * p;
        const float w1r = c1[p], w2r = c2[p], w3r = c3[p], w1i = s1[p], w2i = s2[p], w3i = s3[p];
        for (size_t q = 0; q < s; q++) {
            const float sr = ar[q] + cr[q], si = ai[q] + ci[q], tr = ar[q] - cr[q], ti = ai[q] - ci[q];
            const float ur = br[q] + dr[q], ui = bi[q] + di[q], vr = br[q] - dr[q], vi = bi[q] - di[q];
            const float e1r = tr + vi, e1i = ti - vr; /* t - i v */
            const float e3r = tr - vi, e3i = ti + vr; /* t + i v */
            const float e2r = sr - ur, e2i = si - ui;
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

/* The last stage where the length is no power of four: two points, *s* sequences wide, no turns. */
VECTOR_BODY static inline void stage2(size_t s, const float *RESTRICT re, const float *RESTRICT im,
                                      float *RESTRICT to_re, float *RESTRICT to_im)
{
    for (size_t q = 0; q < s; q++) {
        to_re[q] = re[q] + re[q + s];
        to_im[q] = im[q] + im[q + s];
        to_re[q + s] = re[q] - re[q + s];
        to_im[q + s] = im[q] - im[q + s];
    }
}

/* Complex transform of the two scratch halves; returns whether the result lies in the second pair. */
VECTOR_BODY static inline int stages_body(const Fft *fft, float *re, float *im, float *re2, float *im2)
{
    const float *turns = fft->turns;
    int swapped = 0;
    size_t n = fft->half, s = 1;
    for (; n >= 4; n /= 4, s *= 4) {
        if (swapped)
            stage4(n / 4, s, turns, re2, im2, re, im);
        else
            stage4(n / 4, s, turns, re, im, re2, im2);
        turns += 6 * (n / 4);
        swapped = !swapped;
    }
    if (n == 2) {
        if (swapped)
            stage2(s, re2, im2, re, im);
        else
            stage2(s, re, im, re2, im2);
        swapped = !swapped;
    }
    return swapped;
}

static int stages_plain(const Fft *fft, float *re, float *im, float *re2, float *im2)
{
    return stages_body(fft, re, im, re2, im2);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static int stages_vector(const Fft *fft, float *re, float *im, float *re2, float *im2)
{
    return stages_body(fft, re, im, re2, im2);
}
#else
#define stages_vector stages_plain
#endif

int fft_init(Fft *fft, size_t half, int vector)
{
    memset(fft, 0, sizeof *fft);
    fft->half = half;
    fft->vector = vector;
    fft->turns = malloc(2 * half * sizeof(float));
    fft->split_re = malloc(6 * half * sizeof(float));
    if (fft->turns == NULL || fft->split_re == NULL)
        return -1;
    fft->split_im = fft->split_re + half;
    fft->re = fft->split_im + half;
    fft->im = fft->re + half;
    fft->re2 = fft->im + half;
    fft->im2 = fft->re2 + half;
    for (size_t k = 0; k < half; k++) {
        const double angle = M_PI * (double)k / (double)half;
        fft->split_re[k] = (float)cos(angle);
        fft->split_im[k] = (float)-sin(angle);
    }
    float *turns = fft->turns;
    for (size_t n = half; n >= 4; n /= 4) {
        const size_t m = n / 4;
        for (size_t power = 1; power <= 3; power++)
            for (size_t p = 0; p < m; p++) {
                const double angle = 2.0 * M_PI * (double)(p * power) / (double)n;
                turns[(power - 1) * m + p] = (float)cos(angle);
                turns[(power + 2) * m + p] = (float)-sin(angle);
            }
        turns += 6 * m;
    }
    return 0;
}

void fft_free(Fft *fft)
{
    free(fft->turns);
    free(fft->split_re);
}

void fft_forward(Fft *fft, const float *x, float *re, float *im)
{
    const size_t half = fft->half;
    for (size_t i = 0; i < half; i++) {
        fft->re[i] = x[2 * i];
        fft->im[i] = x[2 * i + 1];
    }
    const int swapped = fft->vector ? stages_vector(fft, fft->re, fft->im, fft->re2, fft->im2)
                                    : stages_plain(fft, fft->re, fft->im, fft->re2, fft->im2);
    const float *zr = swapped ? fft->re2 : fft->re, *zi = swapped ? fft->im2 : fft->im;
    re[0] = zr[0] + zi[0];
    im[0] = zr[0] - zi[0];
    for (size_t k = 1; k < half; k++) {
        const float er = 0.5f * (zr[k] + zr[half - k]), ei = 0.5f * (zi[k] - zi[half - k]);
        const float dr = 0.5f * (zi[k] + zi[half - k]), di = 0.5f * (zr[half - k] - zr[k]);
        const float wr = fft->split_re[k], wi = fft->split_im[k];
        re[k] = er + (dr * wr - di * wi);
        im[k] = ei + (dr * wi + di * wr);
    }
}

void fft_backward(Fft *fft, float *re, float *im, float *x)
{
    const size_t half = fft->half;
    float *zr = fft->re, *zi = fft->im;
    zr[0] = 0.5f * (re[0] + im[0]);
    zi[0] = 0.5f * (re[0] - im[0]);
    for (size_t k = 1; k < half; k++) {
        const float er = 0.5f * (re[k] + re[half - k]), ei = 0.5f * (im[k] - im[half - k]);
        const float dr = 0.5f * (re[k] - re[half - k]), di = 0.5f * (im[k] + im[half - k]);
        const float wr = fft->split_re[k], wi = -fft->split_im[k];
        const float odd_r = dr * wr - di * wi, odd_i = dr * wi + di * wr;
        zr[k] = er - odd_i;
        zi[k] = ei + odd_r;
    }
    const int swapped = fft->vector ? stages_vector(fft, fft->im, fft->re, fft->im2, fft->re2)
                                    : stages_plain(fft, fft->im, fft->re, fft->im2, fft->re2);
    zr = swapped ? fft->re2 : fft->re;
    zi = swapped ? fft->im2 : fft->im;
    for (size_t i = 0; i < half; i++) {
        x[2 * i] = zr[i];
        x[2 * i + 1] = zi[i];
    }
}
