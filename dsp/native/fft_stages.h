/* The stages of the transform of fft.c, for one sequence or for several side by side. */
#ifndef DSP_FFT_STAGES_H
#define DSP_FFT_STAGES_H

#include "vector.h"

#include <stddef.h>

/* Before a loop whose turns do not depend on each other. */
#if defined(__GNUC__) && !defined(__clang__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
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
        INDEPENDENT for (size_t q = 0; q < s; q++) {
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
    INDEPENDENT for (size_t q = 0; q < s; q++) {
        to_re[q] = re[q] + re[q + s];
        to_im[q] = im[q] + im[q + s];
        to_re[q + s] = re[q] - re[q + s];
        to_im[q + s] = im[q] - im[q + s];
    }
}

/* Transforms of *s* complex sequences of *n* points side by side, (re, im); returns whether the result lies in
 * (re2, im2). *turns* as `fft_tables` makes them. */
VECTOR_BODY static inline int fft_stages(size_t n, size_t s, const float *turns, float *re, float *im, float *re2,
                                         float *im2)
{
    int swapped = 0;
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

#endif
