/* Power cepstra of windows of a sound. */
#ifndef DSP_CEPSTRUM_FRAMES_H
#define DSP_CEPSTRUM_FRAMES_H

#include <stddef.h>

typedef struct {
    size_t samples, points, lines; /* lines = points / 2 + 1 */
    double rate;
    double *window;
    double *turns, *split_re, *split_im; /* of the first transform: points / 2 complex points */
    double *wide;                        /* its scratch: 4 arrays */
    float *quick_turns, *quick_re, *quick_im, *quick; /* the same in float32 */
    float *turns2, *split2_re, *split2_im, *sine, *cosine; /* of the second: points / 4 complex points */
    float *narrow;                       /* its scratch: 4 arrays */
    float *level;                        /* power spectra, then cepstra: eight side by side */
    int vector;
} CepstrumFrames;

/* For windows of *samples*, padded with zeros to *points*, a power of two from 64 on, of a sound at *rate*.
 * Returns 0, or -1 without memory; `cepstrum_frames_free` either way. */
int cepstrum_frames_init(CepstrumFrames *self, const double *window, size_t samples, size_t points, double rate,
                         int vector);
void cepstrum_frames_free(CepstrumFrames *self);

/* Power cepstra of *count* windows of *samples*, which begin at *starts*, in rows of *out*: of the window without its
 * mean, the square of the inverse transform of ln(|X|^2), X being the spectrum as an integral over time. Returns how
 * many were made in float64, for their own or a neighbour's deep valleys. */
size_t cepstrum_frames_powers(CepstrumFrames *self, const double *samples, const double *starts, size_t count,
                              float *out);

#endif
