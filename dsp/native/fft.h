/* Fast Fourier transform of real float32 sequences whose length is a power of two. */
#ifndef DSP_FFT_H
#define DSP_FFT_H

#include <stddef.h>

/* Tables and scratch for sequences of 2 * half samples. */
typedef struct {
    size_t half;      /* complex points inside; power of two, at least 4 */
    float *turns;     /* of all stages, cosines and sines apart */
    float *split_re, *split_im; /* exp(-i pi k / half), to take two interleaved real sequences apart */
    float *re, *im, *re2, *im2; /* scratch */
    int vector;
} Fft;

/* Fills the tables of a transform of 2 * half samples: 2 * half *turns*, half of either *split*. */
void fft_tables(size_t half, float *turns, float *split_re, float *split_im);

/* Returns 0, or -1 without memory; `fft_free` either way. */
int fft_init(Fft *fft, size_t half, int vector);
void fft_free(Fft *fft);

/* Spectrum of *x* (2 half samples): bins 0 .. half - 1 in *re*, *im*; im[0] holds the real bin *half*. */
void fft_forward(Fft *fft, const float *x, float *re, float *im);

/* From such a spectrum, which is destroyed, half times the sequence. */
void fft_backward(Fft *fft, float *re, float *im, float *x);

#endif
