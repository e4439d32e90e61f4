/* Correlations of eight frames of a sound side by side. */
#ifndef DSP_PITCH_CORRELATE_H
#define DSP_PITCH_CORRELATE_H

#include "fft_lanes.h"

#include <stddef.h>

typedef struct {
    LanesFft fft;
    size_t window_samples; /* even */
    size_t last;           /* greatest lag that is wanted */
    float *window;
    float *memory, *re, *im, *re2, *im2; /* spectra, (half + 1, LANES) */
    float *scratch;                      /* of a transform */
    const float *even, *odd;             /* the correlations at even and odd lags, (lags / 2, LANES) */
    size_t *order, *comb_order;          /* where bin k of a transform of half points, and of a comb's, lies */
    const size_t *lag_order;             /* where in even and odd a lag lies; NULL: in order */
    int cross, vector;
} Correlator;

/* Autocorrelation of windowed frames, or with *cross* the correlation of a frame with itself and what follows it. *points*
 * of the transform: a power of two, at least window_samples + last. Returns 0, or -1 without memory; free either way. */
int correlator_init(Correlator *c, const float *window, size_t window_samples, size_t last, size_t points, int cross);
void correlator_free(Correlator *c);

/* Takes the frames that begin at from[0] to from[LANES - 1], *mean* taken off, times *scale*. */
void correlator_run(Correlator *c, const float *const *from, const float *mean, float scale);

/* Lags 0 to last of lane *l*, times a factor that is the same for all lags. */
void correlator_get(const Correlator *c, size_t l, float *lags);

/* A cross-correlation of one frame summed up lag by lag, in the same measure: a transform rounds by the loudest that it sees,
 * which is too coarse for a frame beside which something far louder begins or ends. */
void correlator_sum(Correlator *c, const float *from, float mean, float scale, float *lags);

#endif
