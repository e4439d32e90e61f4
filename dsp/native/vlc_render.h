/* From the parameters of speech to sound: harmonics and noise shaped to band energies, frame by overlapping frame.
 *
 * What is corrected is what is heard: the frames are added up, analysed again and their gains moved to what makes the
 * energies come out as asked (the iteration of D. Griffin and J. Lim, "Signal estimation from modified short-time
 * Fourier transform", IEEE TASSP 32(2), 1984, with band energies in the place of magnitudes). */
#ifndef DSP_VLC_RENDER_H
#define DSP_VLC_RENDER_H

#include "fft_lanes.h"

#include <stddef.h>
#include <stdint.h>

enum {
    RENDER_MOST_LANES = 32,
    RENDER_MOST_OVERLAP = 4, /* hops in a window */
    RENDER_MOST_BANDS = 64,
};

#define RENDER_LEAST_DB -110.0f /* of a floor */
#define RENDER_NOTHING -70.0f   /* octaves of power: a band without sound */

typedef struct {
    float peak_db;               /* loudest band of late */
    float f0[RENDER_MOST_OVERLAP / 2]; /* of the last frames */
    uint64_t random;
    double phase, offset_phase;  /* turns, where the next window begins */
    int begun;
} RenderPast;

typedef struct {
    size_t hop, window_size, overlap, passes;
    double rate;
    float floor_db, decay_db;    /* what the analysis added to its energies; per frame */
    uint64_t seed;
    RenderPast past;
    Bank bands;                  /* (bands, bins) */
    Blend gains, voices;         /* (bins, bands), (bins, voicing bands) */
    LanesFft fft;
    size_t columns;
    float *sheet;                /* (hop, columns): sound by columns */
    float *window_in, *window_out;
    float *re, *im;              /* (batches, bins, LANES) */
    float *target, *mix;         /* (batches, bands, LANES): log2 of powers; (batches, voicing bands, LANES) */
    float *power, *level;        /* (bins, LANES), (bands, LANES) */
    float *tail;                 /* (overlap - 1, hop): what was heard last; the next three follow in the same memory */
    float *old_re, *old_im;      /* (overlap - 1, bins): of the last frames that still sound */
    float *old_target;           /* (overlap - 1, bands) */
    float *excitation;
    float *turn_re, *turn_im;    /* 256 phases of noise */
    float *spread_re, *spread_im; /* (bins): phases of the harmonics */
    int vector;                  /* whether it may be used; whether it is */
} Render;

/* Parameters of *frames* frames, row by row. */
typedef struct {
    size_t frames;
    const float *levels_db, *voicing, *f0_hz;
    float offset_hz; /* of all harmonics */
} RenderFrames;

/* Sizes, rate, passes, seed and vector are set; matrices as in `bank_init`. Returns 0, -1 without memory, -2 for a matrix of
 * another form; `render_free` either way. */
int render_init(Render *render, const float *window, const float *bank, size_t bands, const float *gains,
                const float *voices, size_t voicing_bands);
void render_free(Render *render);
void render_reset(Render *render);

/* What a later call depends on, *render_state_bytes* long: copied to and from *state*. */
size_t render_state_bytes(const Render *render);
void render_save(const Render *render, unsigned char *state);
void render_load(Render *render, const unsigned char *state);

/* Most frames of one call. */
size_t render_most_frames(const Render *render);

/* frames * hop samples into *out*. */
void render_run(Render *render, const RenderFrames *asked, float *out);

#endif
