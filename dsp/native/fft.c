/* Fast Fourier transform of real float32 sequences: Stockham's self-sorting form, radix 4 and one step of radix 2.
 *
 * Two halves of a real sequence, its even and its odd samples, are one complex sequence of half the length
 * (W. H. Press et al., Numerical Recipes, 3rd ed., section 12.3.2). Stockham's form (W. T. Cochran et al., What is
 * the Fast Fourier Transform?, 1967) needs no bit reversal and reads and writes in order. Real and imaginary parts
 * are kept apart, so that loops become vectors; the inverse is the forward transform with the two exchanged. */
#include "fft.h"
#include "fft_stages.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

static int stages_plain(const Fft *fft, float *re, float *im, float *re2, float *im2)
{
    return fft_stages(fft->half, 1, fft->turns, re, im, re2, im2);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static int stages_vector(const Fft *fft, float *re, float *im, float *re2, float *im2)
{
    return fft_stages(fft->half, 1, fft->turns, re, im, re2, im2);
}
#else
#define stages_vector stages_plain
#endif

void fft_tables(size_t half, float *turns, float *split_re, float *split_im)
{
    for (size_t k = 0; k < half; k++) {
        const double angle = M_PI * (double)k / (double)half;
        split_re[k] = (float)cos(angle);
        split_im[k] = (float)-sin(angle);
    }
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
}

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
    fft_tables(half, fft->turns, fft->split_re, fft->split_im);
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
