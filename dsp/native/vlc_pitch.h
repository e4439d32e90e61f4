/* f0 of a packet: normalised cross-correlation at 4 kHz, the best path through its peaks, a comb to refine it.
 *
 * One value for each 16 ms. D. Talkin, "A robust algorithm for pitch tracking (RAPT)", in Speech Coding and
 * Synthesis, 1995, is where the correlation, its candidates and the dynamic programming come from. */
#ifndef DSP_VLC_PITCH_H
#define DSP_VLC_PITCH_H

#include "fft_lanes.h"

#include <stddef.h>

enum {
    PITCH_RATE = 4000,
    PITCH_STEP = 64,       /* 16 ms */
    PITCH_WINDOW = 120,    /* 30 ms are correlated */
    PITCH_LAGS = 80,       /* room for the lags of 50 Hz and more */
    PITCH_CANDIDATES = 8,
    PITCH_MOST_FRAMES = 16,
    PITCH_REACH = 8,       /* samples at 4 kHz on either side that the decimating filter sees */
    COMB_WINDOW = 192,     /* 48 ms */
    COMB_POINTS = 512,
    COMB_BINS = 208,       /* of them used: up to 1.6 kHz */
};

typedef struct {
    size_t factor;  /* of decimation */
    size_t frames;  /* in a packet */
    size_t past;    /* samples at 4 kHz that are kept before the packet */
    size_t size;    /* of `line` */
    size_t shortest, longest;
    float f0_min, f0_max; /* Hz */
    float *taps;    /* of the low-pass, 16 factor - 1 */
    float *line;    /* the decimated signal */
    float pole, last_in, last_out; /* of the high-pass */
    float decay;    /* of `peak`, per packet */
    float peak;     /* greatest mean square of late */
    float score[PITCH_CANDIDATES], octave[PITCH_CANDIDATES]; /* of the candidates of the last frame */
    int begun;
    LanesFft fft;
    float *comb_window;
    float *re, *im; /* (COMB_POINTS / 2 + 1, LANES) */
    int vector;     /* set by the user; 0 after `pitch_init` */
} Pitch;

/* Returns 0, or -1 without memory; `pitch_free` either way. *past* and *ahead* are what is kept of the signal before
 * and after the packet, in samples of the signal and multiples of *factor*. */
int pitch_init(Pitch *pitch, size_t factor, size_t frames, size_t past, size_t ahead, float f0_min, float f0_max);
void pitch_free(Pitch *pitch);
void pitch_reset(Pitch *pitch);

/* Takes the signal, *count* samples of which the last factor * 64 * frames are new; f0 in Hz of each frame. */
void pitch_track(Pitch *pitch, const float *signal, size_t count, float *f0);

#endif
