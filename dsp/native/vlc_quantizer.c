/* VLC, one packet: symbols <-> parameters (docs/vlc-format.md, "Coefficients to parameters", "Encoder"). */
#include "vlc_packet.h"

#include <math.h>
#include <string.h>

static int32_t dequantize(const VlcTables *c, int q, int class, int step)
{
    int m = q < 0 ? -q : q;
    int64_t size = m < CENTROIDS ? c->centroid[class * CENTROIDS + m] : (int64_t)m << 12;
    int32_t value = (int32_t)((size * c->steps[step] + 2048) >> 12);
    return q < 0 ? -value : value;
}

static int32_t limit(int64_t value, int32_t least, int32_t most)
{
    return value < least ? least : value > most ? most : (int32_t)value;
}

void vlc_rebuild(const VlcTables *c, const VlcCoefficients *x, int gain, int step, int wide, int32_t *levels,
                    int32_t *voicing)
{
    const int D = c->width, frames = wide ? c->frames / 2 : c->frames;
    const int32_t *cosine = wide ? c->cosine_wide : c->cosine;
    int32_t across[MAX_FRAMES][MAX_WIDTH];
    uint8_t any[MAX_FRAMES] = {0};
    for (int k = 0; k < c->frames; k++) {
        int64_t sum[MAX_WIDTH] = {0};
        for (int d = 0; d < D; d++) {
            if (!x->q[k][d])
                continue;
            const int32_t *vector = c->basis + (c->group[k] * D + d) * D;
            int64_t y = dequantize(c, x->q[k][d], vlc_class(c, k, d, step), step);
            any[k] = 1;
            for (int b = 0; b < D; b++)
                sum[b] += y * vector[b];
        }
        for (int b = 0; b < D; b++)
            across[k][b] = limit((sum[b] + 8192) >> 14, -(1 << 30), (1 << 30) - 1);
    }
    for (int t = 0; t < frames; t++) {
        int64_t sum[MAX_WIDTH] = {0};
        for (int k = 0; k < c->frames; k++)
            if (any[k])
                for (int b = 0; b < D; b++)
                    sum[b] += (int64_t)cosine[k * frames + t] * across[k][b];
        for (int b = 0; b < D; b++) {
            int64_t value = c->mean[b] + ((sum[b] + 8192) >> 14);
            if (b < c->bands) {
                value += GAIN_LOWEST_Q12 + gain * GAIN_UNIT_Q12;
                levels[t * c->bands + b] = limit((value + 8) >> 4, LEVEL_MIN, LEVEL_MAX);
            } else {
                value = (value * c->voicing_unit[0] + 32768) >> 16;
                voicing[t * c->voicing + b - c->bands] = limit(value, 0, VOICING_ONE);
            }
        }
    }
}

static float within_limits(float value, float least, float most)
{
    return value > least ? (value < most ? value : most) : least; /* NaN: least */
}

/* Parameters (n frames) -> y; returns the gain's index. */
int vlc_analyse(const VlcTables *c, const float *levels, const float *voicing, int n, float y[][MAX_WIDTH])
{
    const int D = c->width, wide = n != c->frames;
    const float *transform = wide ? c->transform_wide : c->transform;
    const float scale = 65536.0f / (float)c->voicing_unit[0];
    float x[MAX_FRAMES][MAX_WIDTH];
    double total = 0.0;
    for (int t = 0; t < n; t++) {
        for (int b = 0; b < c->bands; b++) {
            float level = within_limits(levels[t * c->bands + b], -200.0f, 60.0f);
            total += level;
            x[t][b] = level - c->offset[b];
        }
        for (int v = 0; v < c->voicing; v++) {
            float at = within_limits(voicing[t * c->voicing + v], 0.0f, 1.0f);
            x[t][c->bands + v] = at * scale - c->offset[c->bands + v];
        }
    }
    for (int k = 0; k < c->frames; k++) {
        float over_time[MAX_WIDTH] = {0};
        if (k >= n) {
            memset(y[k], 0, sizeof y[k]);
            continue;
        }
        for (int t = 0; t < n; t++)
            for (int b = 0; b < D; b++)
                over_time[b] += transform[k * n + t] * x[t][b];
        const float *forward = c->forward + c->group[k] * D * D;
        for (int d = 0; d < D; d++) {
            float sum = 0.0f;
            for (int b = 0; b < D; b++)
                sum += forward[d * D + b] * over_time[b];
            y[k][d] = sum;
        }
    }
    double gain = (total / (n * c->bands) * 4096.0 - GAIN_LOWEST_Q12) / GAIN_UNIT_Q12;
    return (int)limit((int64_t)floor(gain + 0.5), 0, GAIN_LEVELS - 1);
}

/* Greedy in coding order: of the nearest magnitude, the one below it and zero, what costs least in squared
   error (in steps) + weight * bits. */
void vlc_quantize(const VlcTables *c, float y[][MAX_WIDTH], int step, float weight, VlcCoefficients *x)
{
    const int S = c->magnitudes, most = S - 1 + (1 << ESCAPE_BITS) - 2;
    const float inverse = 4096.0f / (float)c->steps[step];
    memset(x, 0, sizeof *x);
    for (int k = 0; k < c->frames; k++)
        for (int d = k == 0; d < c->width; d++) {
            float size = fabsf(y[k][d]) * inverse;
            if (!(size >= 0.5f))
                continue;
            int nearest = size < (float)most ? (int)(size + 0.5f) : most;
            int class = vlc_class(c, k, d, step), best = nearest;
            const float *cost = c->costs + (class * c->contexts + vlc_context(c, x, k, d)) * S;
            float least = INFINITY;
            for (int i = 0; i < 3; i++) {
                int m = i == 2 ? 0 : nearest - i;
                float value = m < CENTROIDS ? (float)c->centroid[class * CENTROIDS + m] * (1.0f / 4096.0f) : (float)m;
                float off = size - value, price = off * off + weight * cost[m < S - 1 ? m : S - 1];
                if (price < least) {
                    least = price;
                    best = m;
                }
            }
            if (best)
                vlc_put(x, k, d, y[k][d] < 0.0f ? -best : best);
        }
}

void vlc_pitch_indices(const VlcTables *c, const float *f0_hz, const uint8_t *voiced, int n, int *f0)
{
    const int per = n == c->frames ? 2 : 1;
    for (int m = 0; m < c->frames / 2; m++) {
        float sum = 0.0f;
        int count = 0;
        for (int t = m * per; t < (m + 1) * per; t++)
            if (voiced[t] && f0_hz[t] > 0.0f) {
                sum += log2f(f0_hz[t] / 55.0f);
                count++;
            }
        float index = count ? floorf(sum / (float)count * F0_PER_OCTAVE + 0.5f) : -1.0f;
        f0[m] = count ? (int)within_limits(index, 0.0f, F0_LEVELS - 1) : -1;
    }
}
