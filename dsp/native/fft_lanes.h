/* Spectra of eight frames side by side: element i of frame l is at [8 i + l], so that each loop over lanes is a vector.
 *
 * A signal whose frames begin *hop* samples apart is kept by columns: sample c * hop + r at [r * width + c]. Then
 * sample i of eight neighbouring frames are eight neighbouring numbers. */
#ifndef DSP_FFT_LANES_H
#define DSP_FFT_LANES_H

#include "fft_stages.h"

#include <stddef.h>

enum {
    LANES = 8,
};

/* A loop over the lanes that stays one, to become a vector instead of eight statements. */
#if defined(__GNUC__) && !defined(__clang__)
#define EACH_LANE _Pragma("GCC unroll 1") INDEPENDENT for (size_t l = 0; l < LANES; l++)
#else
#define EACH_LANE for (size_t l = 0; l < LANES; l++)
#endif

/* Tables and scratch of the real transform of 2 * half samples. */
typedef struct {
    size_t half;             /* power of two, at least 4 */
    float *turns;            /* of all stages, cosines and sines apart */
    float *split_re, *split_im;
    float *re, *im, *re2, *im2; /* (half, LANES): scratch */
} LanesFft;

/* Returns 0, or -1 without memory; `lanes_free` either way. */
int lanes_init(LanesFft *fft, size_t half);
void lanes_free(LanesFft *fft);

/* Rows of a matrix (rows, columns) without the zeros at both ends. */
typedef struct {
    size_t rows, columns;
    const float *weights; /* (rows, columns) */
    size_t *first, *count;
} Bank;

/* Rows of a matrix (rows, columns) with one element, or two neighbours, that are not zero. */
typedef struct {
    size_t rows, columns;
    size_t *first;        /* the second is first + 1, which exists */
    float *weight, *next; /* of the two */
} Blend;

/* Copy *matrix*; return 0, -1 without memory, -2 where it has another form. Free with `bank_free`, `blend_free`. */
int bank_init(Bank *bank, const float *matrix, size_t rows, size_t columns);
void bank_free(Bank *bank);
int blend_init(Blend *blend, const float *matrix, size_t rows, size_t columns);
void blend_free(Blend *blend);

/* Spectra, bins 0 to half, of what lies in the scratch: even samples in fft->re, odd ones in fft->im. */
VECTOR_BODY static inline void lanes_forward(LanesFft *fft, float *RESTRICT re, float *RESTRICT im)
{
    const size_t half = fft->half;
    const int swapped = fft_stages(fft->half, LANES, fft->turns, fft->re, fft->im, fft->re2, fft->im2);
    const float *RESTRICT zr = swapped ? fft->re2 : fft->re, *RESTRICT zi = swapped ? fft->im2 : fft->im;
    EACH_LANE {
        re[l] = zr[l] + zi[l];
        re[LANES * half + l] = zr[l] - zi[l];
        im[l] = im[LANES * half + l] = 0.0f;
    }
    for (size_t k = 1; k < half; k++) {
        const float *ar = zr + LANES * k, *ai = zi + LANES * k;
        const float *br = zr + LANES * (half - k), *bi = zi + LANES * (half - k);
        const float wr = 0.5f * fft->split_re[k], wi = 0.5f * fft->split_im[k];
        float *yr = re + LANES * k, *yi = im + LANES * k;
        EACH_LANE {
            const float dr = ai[l] + bi[l], di = br[l] - ar[l];
            yr[l] = 0.5f * (ar[l] + br[l]) + (dr * wr - di * wi);
            yi[l] = 0.5f * (ai[l] - bi[l]) + (dr * wi + di * wr);
        }
    }
}

/* From spectra (whose bins 0 and half are taken as real) half times the samples: returns where the even ones lie,
 * and in *odd* where the odd ones do. */
VECTOR_BODY static inline const float *lanes_backward(LanesFft *fft, const float *RESTRICT re, const float *RESTRICT im,
                                                      const float **odd)
{
    const size_t half = fft->half;
    float *RESTRICT zr = fft->re, *RESTRICT zi = fft->im;
    EACH_LANE {
        zr[l] = 0.5f * (re[l] + re[LANES * half + l]);
        zi[l] = 0.5f * (re[l] - re[LANES * half + l]);
    }
    for (size_t k = 1; k < half; k++) {
        const float *ar = re + LANES * k, *ai = im + LANES * k;
        const float *br = re + LANES * (half - k), *bi = im + LANES * (half - k);
        const float wr = 0.5f * fft->split_re[k], wi = -0.5f * fft->split_im[k];
        float *yr = zr + LANES * k, *yi = zi + LANES * k;
        EACH_LANE {
            const float dr = ar[l] - br[l], di = ai[l] + bi[l];
            yr[l] = 0.5f * (ar[l] + br[l]) - (dr * wi + di * wr);
            yi[l] = 0.5f * (ai[l] - bi[l]) + (dr * wr - di * wi);
        }
    }
    const int swapped = fft_stages(fft->half, LANES, fft->turns, fft->im, fft->re, fft->im2, fft->re2);
    *odd = swapped ? fft->im2 : fft->im;
    return swapped ? fft->re2 : fft->re;
}

/* Windowed samples of eight frames from *column* on into the scratch of `lanes_forward`. */
VECTOR_BODY static inline void lanes_load(LanesFft *fft, const float *RESTRICT signal, size_t width, size_t hop,
                                          size_t column, const float *RESTRICT window)
{
    float *RESTRICT even = fft->re, *RESTRICT odd = fft->im;
    for (size_t first = 0, shift = column; first < 2 * fft->half; first += hop, shift++)
        for (size_t r = 0; r < hop; r += 2) {
            const float *a = signal + r * width + shift, *b = a + width;
            const float u = window[first + r], v = window[first + r + 1];
            float *to = even + LANES / 2 * (first + r), *next = odd + LANES / 2 * (first + r);
            EACH_LANE {
                to[l] = u * a[l];
                next[l] = v * b[l];
            }
        }
}

/* Adds the windowed frames that `lanes_backward` made to *signal*. */
VECTOR_BODY static inline void lanes_add(const LanesFft *fft, const float *RESTRICT even, const float *RESTRICT odd,
                                         float *RESTRICT signal, size_t width, size_t hop, size_t column,
                                         const float *RESTRICT window)
{
    for (size_t first = 0, shift = column; first < 2 * fft->half; first += hop, shift++)
        for (size_t r = 0; r < hop; r += 2) {
            float *a = signal + r * width + shift, *b = a + width;
            const float u = window[first + r], v = window[first + r + 1];
            const float *from = even + LANES / 2 * (first + r), *next = odd + LANES / 2 * (first + r);
            EACH_LANE {
                a[l] += u * from[l];
                b[l] += v * next[l];
            }
        }
}

/* Powers (columns, LANES) of the bins. */
VECTOR_BODY static inline void lanes_powers(const float *RESTRICT re, const float *RESTRICT im, float *RESTRICT power,
                                            size_t count)
{
    INDEPENDENT for (size_t i = 0; i < LANES * count; i++)
        power[i] = re[i] * re[i] + im[i] * im[i];
}

/* Weighted sums of the rows of *bank*: (rows, LANES). */
VECTOR_BODY static inline void lanes_sums(const Bank *bank, const float *RESTRICT power, float *RESTRICT sums)
{
    for (size_t row = 0; row < bank->rows; row++) {
        const float *weight = bank->weights + row * bank->columns + bank->first[row];
        const float *from = power + LANES * bank->first[row];
        float sum[LANES] = {0.0f};
        for (size_t k = 0; k < bank->count[row]; k++)
            EACH_LANE
                sum[l] += weight[k] * from[LANES * k + l];
        EACH_LANE
            sums[LANES * row + l] = sum[l];
    }
}

#endif
