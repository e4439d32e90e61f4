/* VLC, one packet: what its parts share. See vlc_packet.c. */
#ifndef DSP_VLC_PACKET_H
#define DSP_VLC_PACKET_H

#include "vlc_range.h"

#include <stdint.h>

enum {
    MAX_FRAMES = 18,
    MAX_WIDTH = 64, /* bands and voicing bands together */
    MAX_PAYLOAD = 8192, /* 18 * 64 coefficients of at most 15 + 1 + 24 bits, and the rest */
    STEPS = 32,
    GAIN_LEVELS = 128,
    GAIN_UNIT_Q12 = 3584,      /* 0.875 dB */
    GAIN_LOWEST_Q12 = -442368, /* -108 dB */
    F0_FLAG_CONTEXTS = 3,
    F0_LEVELS = 148,
    F0_MOVES = 31, /* -15 to 15 */
    F0_MOVE_CONTEXTS = 3,
    F0_PER_OCTAVE = 50,
    CENTROIDS = 4,
    NEAR = 7, /* magnitudes are cut there when they serve as context */
    ESCAPE_BITS = 12,
    LEVEL_MIN = -51200, /* -200 dB in 1/256 dB */
    LEVEL_MAX = 15360,  /* 60 dB */
    VOICING_ONE = 4096,
};

/* The tables of docs/vlc-format.md for packets of one length, and what an encoder adds to them. */
typedef struct {
    int frames, bands, voicing, width, groups, classes, contexts, magnitudes, duration;
    int32_t *integers;
    float *floats;
    const int32_t *mean, *group, *basis, *cosine, *cosine_wide, *class_of, *edges, *cdf, *centroid, *steps;
    const int32_t *flag_cdf, *f0_cdf, *move_cdf, *voicing_unit;
    const float *offset, *forward, *transform, *transform_wide;
    float *costs;
} VlcTables;

typedef struct {
    int16_t q[MAX_FRAMES][MAX_WIDTH];
    /* Magnitudes cut at NEAR, with a margin of zeros: two rows above, two columns before, one after. */
    uint8_t near[MAX_FRAMES + 2][MAX_WIDTH + 3];
} VlcCoefficients;

static inline int vlc_context(const VlcTables *c, const VlcCoefficients *x, int k, int d)
{
    const uint8_t *row = &x->near[k + 2][d + 2], *above = &x->near[k + 1][d + 2];
    int sum = 3 * row[-1] + 2 * row[-2] + 3 * above[0] + 2 * above[1] + above[-1] + x->near[k][d + 2];
    int context = 0;
    while (context < c->contexts - 1 && sum >= c->edges[context])
        context++;
    return context;
}

static inline int vlc_class(const VlcTables *c, int k, int d, int step)
{
    int class = (c->class_of[k * c->width + d] - step) >> 1;
    return class < 0 ? 0 : class >= c->classes ? c->classes - 1 : class;
}

static inline void vlc_put(VlcCoefficients *x, int k, int d, int q)
{
    int m = q < 0 ? -q : q;
    x->q[k][d] = (int16_t)q;
    x->near[k + 2][d + 2] = (uint8_t)(m < NEAR ? m : NEAR);
}

/* vlc_symbols.c: bits <-> symbols. f0: an index for each two frames, -1 where unvoiced. */
void vlc_write_f0(const VlcTables *c, RangeEncoder *out, const int *f0);
void vlc_read_f0(const VlcTables *c, RangeDecoder *in, int32_t *f0);
void vlc_write_coefficients(const VlcTables *c, RangeEncoder *out, const VlcCoefficients *x, int step);
void vlc_read_coefficients(const VlcTables *c, RangeDecoder *in, VlcCoefficients *x, int step);

/* vlc_quantizer.c: symbols <-> parameters of n frames (all, or half as many: *wide*). */
void vlc_rebuild(const VlcTables *c, const VlcCoefficients *x, int gain, int step, int wide, int32_t *levels,
                 int32_t *voicing);
int vlc_analyse(const VlcTables *c, const float *levels, const float *voicing, int n, float y[][MAX_WIDTH]);
void vlc_quantize(const VlcTables *c, float y[][MAX_WIDTH], int step, float weight, VlcCoefficients *x);
void vlc_pitch_indices(const VlcTables *c, const float *f0_hz, const uint8_t *voiced, int n, int *f0);

#endif
