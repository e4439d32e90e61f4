/* Maxima of a normalised correlation between its samples. */
#ifndef DSP_PITCH_PEAKS_H
#define DSP_PITCH_PEAKS_H

#include <stddef.h>

enum {
    PEAK_DEPTH = 70,                 /* samples to either side of a windowed sinc */
    PEAK_TAPS = 2 * PEAK_DEPTH + 4,  /* a row of the table: the taps, then zeros, to a whole number of vectors */
    PEAK_PHASES = 32,                /* places between two samples at which it is tabulated */
};

typedef struct {
    double lag;      /* in samples */
    double strength; /* 0 to 1 */
} Peak;

typedef struct {
    float *table;    /* (PEAK_PHASES, PEAK_TAPS) */
    float *memory;   /* the correlation with PEAK_DEPTH mirrored lags before it and PEAK_TAPS zeros behind */
    float *value;    /* of lag 0 in it */
    size_t last;     /* the greatest lag that is known */
    size_t longest;  /* lags below this one are searched */
    Peak *found;     /* (longest + 1) scratch */
    int vector;
} Peaks;

/* Returns 0, or -1 without memory; `peaks_free` either way. */
int peaks_init(Peaks *peaks, size_t last, size_t longest, int vector);
void peaks_free(Peaks *peaks);

/* Up to *count* maxima above *least* of the correlation that lies from peaks->value on, lags 0 to peaks->last: those
 * that are the greatest after *cost* for each octave of lag; returns how many. A single one is the greatest of all at lags
 * above 2, whatever *cost* is. */
size_t peaks_find(Peaks *peaks, double least, double cost, size_t count, Peak *out);

#endif
