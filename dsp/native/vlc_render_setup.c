/* Tables, memory and state of vlc_render.h. */
#include "vlc_render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

enum {
    NOISE_PHASES = 256,
};

static const float DECAY_DB_PER_S = 1.5f;  /* as in the analysis */
/* Delay of the highest harmonics against the lowest, growing evenly: without it all have their peaks at once, and 2 dB more
 * level clips. Neither PESQ nor DNSMOS hears it. */
static const double SPREAD_S = 0.004;

/* Numbers that begin at r->tail. */
static size_t tail_items(const Render *r, size_t bands)
{
    return (r->overlap - 1) * (r->hop + 2 * (r->window_size / 2 + 1) + bands);
}

int render_init(Render *r, const float *window, const float *bank, size_t bands, const float *gains,
                const float *voices, size_t voicing_bands)
{
    const size_t bins = r->window_size / 2 + 1, size = r->window_size;
    r->overlap = size / r->hop;
    r->columns = RENDER_MOST_LANES + 2 * RENDER_MOST_OVERLAP;
    r->sheet = malloc(r->hop * r->columns * sizeof(float));
    r->window_in = malloc(2 * size * sizeof(float));
    r->re = malloc(2 * RENDER_MOST_LANES * bins * sizeof(float));
    r->target = malloc(RENDER_MOST_LANES * (bands + voicing_bands) * sizeof(float));
    r->power = malloc(LANES * (bins + bands) * sizeof(float));
    r->tail = malloc(tail_items(r, bands) * sizeof(float));
    r->excitation = malloc(r->columns * r->hop * sizeof(float));
    r->turn_re = malloc(2 * (NOISE_PHASES + bins) * sizeof(float));
    if (r->sheet == NULL || r->window_in == NULL || r->re == NULL || r->target == NULL || r->power == NULL ||
        r->tail == NULL || r->excitation == NULL || r->turn_re == NULL || lanes_init(&r->fft, size / 2) < 0)
        return -1;
    int failed = bank_init(&r->bands, bank, bands, bins);
    if (failed == 0)
        failed = blend_init(&r->gains, gains, bins, bands);
    if (failed == 0)
        failed = blend_init(&r->voices, voices, bins, voicing_bands);
    if (failed)
        return failed;
    r->window_out = r->window_in + size;
    r->im = r->re + RENDER_MOST_LANES * bins;
    r->mix = r->target + RENDER_MOST_LANES * bands;
    r->level = r->power + LANES * bins;
    r->old_re = r->tail + (r->overlap - 1) * r->hop;
    r->old_im = r->old_re + (r->overlap - 1) * bins;
    r->old_target = r->old_im + (r->overlap - 1) * bins;
    r->turn_im = r->turn_re + NOISE_PHASES;
    r->spread_re = r->turn_im + NOISE_PHASES;
    r->spread_im = r->spread_re + bins;
    for (size_t k = 0; k < bins; k++) {
        const double at = (double)k / (double)(bins - 1), angle = -0.5 * M_PI * SPREAD_S * r->rate * at * at;
        r->spread_re[k] = (float)cos(angle);
        r->spread_im[k] = (float)sin(angle);
    }
    double energy = 0.0;
    for (size_t i = 0; i < size; i++)
        energy += (double)window[i] * window[i];
    for (size_t i = 0; i < size; i++) {
        r->window_in[i] = (float)(window[i] / sqrt(energy));
        /* Overlapping windows add up to energy / hop; the transform back gives size / 2 times the samples. */
        r->window_out[i] = (float)(window[i] * sqrt(energy) / (energy / (double)r->hop) / (double)(size / 2));
    }
    for (size_t i = 0; i < NOISE_PHASES; i++) {
        r->turn_re[i] = (float)cos(2.0 * M_PI * ((double)i + 0.5) / NOISE_PHASES);
        r->turn_im[i] = (float)sin(2.0 * M_PI * ((double)i + 0.5) / NOISE_PHASES);
    }
    r->decay_db = DECAY_DB_PER_S * (float)((double)r->hop / r->rate);
    r->vector = r->vector && cpu_has_vector_target();
    render_reset(r);
    return 0;
}

void render_free(Render *r)
{
    free(r->sheet);
    free(r->window_in);
    free(r->re);
    free(r->target);
    free(r->power);
    free(r->tail);
    free(r->excitation);
    free(r->turn_re);
    bank_free(&r->bands);
    blend_free(&r->gains);
    blend_free(&r->voices);
    lanes_free(&r->fft);
}

void render_reset(Render *r)
{
    const size_t bands = r->bands.rows;
    memset(r->tail, 0, tail_items(r, 0) * sizeof(float));
    for (size_t i = 0; i < (r->overlap - 1) * bands; i++)
        r->old_target[i] = RENDER_NOTHING;
    memset(&r->past, 0, sizeof r->past);
    r->past.peak_db = RENDER_LEAST_DB;
    r->past.random = r->seed * 2u + 1u;
}

size_t render_state_bytes(const Render *r)
{
    return sizeof r->past + tail_items(r, r->bands.rows) * sizeof(float);
}

void render_save(const Render *r, unsigned char *state)
{
    memcpy(state, &r->past, sizeof r->past);
    memcpy(state + sizeof r->past, r->tail, tail_items(r, r->bands.rows) * sizeof(float));
}

void render_load(Render *r, const unsigned char *state)
{
    memcpy(&r->past, state, sizeof r->past);
    memcpy(r->tail, state + sizeof r->past, tail_items(r, r->bands.rows) * sizeof(float));
}
