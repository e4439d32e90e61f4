/* What is done to one cepstrum of a recording: its smoothing, the line through its background, its peak. */
#ifndef DSP_CEPSTRUM_LINES_H
#define DSP_CEPSTRUM_LINES_H

#include <stddef.h>

/* Of one cepstrum: the peak above the line, the line's slope (dB a bin) and value at bin 0, the peak's bin and dB. */
enum { PROMINENCE, SLOPE, INTERCEPT, PEAK_BIN, PEAK_DB, FOUND };

enum { LINES_REACH = 5 };

/* Where the last medians were: a first guess. */
typedef struct {
    float slope, level;
} Guess;

/* out = 10 log10(powers). */
void lines_to_db(const float *powers, size_t count, float *out, int vector);

/* Weighted sum of *taps* rows of *count*, then the mean over LINES_REACH bins on either side; the two at the ends count
 * half. Beyond the ends of a row there is nothing to be averaged over. *between* holds *count*. */
void lines_smooth(const float *rows, const float *weights, size_t taps, size_t count, float *between,
                  float *out, int vector);

/* Background of *db* by the incomplete method of Theil; *spare* holds *count*. */
void lines_robust(const float *db, size_t count, float *spare, Guess *guess, double *found, int vector);

/* Highest peak of *db* between bins *low* and *high*, and how far above the line in *found* it is; *spare* holds
 * high - low + 1. */
void lines_peak(const float *db, size_t low, size_t high, float *spare, double *found, int vector);

/* How far the greatest of *db* between bins *low* and *high* is above the line of least squares through bins *first* to
 * *count* - 1. */
double lines_regression(const float *db, size_t count, size_t first, size_t low, size_t high, int vector);

#endif
