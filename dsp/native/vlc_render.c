/* See vlc_render.h. */
#include "vlc_render.h"
#include "vector_math.h"

#include <math.h>
#include <string.h>

static const float DECIBEL = 3.0103f;      /* an octave of power */
static const float UNDER_FLOOR = 0.01f;    /* what is left of a band at the floor, against the floor */
static const float MOST_DOWN = -40.0f, MOST_UP = 30.0f; /* octaves, from the flat excitation */
static const float MOST_CORRECTION = 6.64f; /* octaves, of one pass: 20 dB */
static const float TINY = 1e-20f;
static const float MIX_EXPONENT = 0.45f;   /* voicing -> share of the harmonics */
static const float TOP = 0.985f, FADE_HZ = 50.0f; /* of the harmonics: against half the sample rate; below it they fade */
static const float LEAST_PHASE = 1e-5f;      /* turns */
static const float LEAST_F0_HZ = 51.0f, MOST_F0_HZ = 1000.0f;

size_t render_most_frames(const Render *r)
{
    return RENDER_MOST_LANES - 2 * (r->overlap - 1);
}

/* 64 random bits: xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled",
 * ACM TOMS 42(4), 2016). */
static inline uint64_t next_random(Render *r)
{
    uint64_t x = r->past.random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    r->past.random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

/* What the bands should have, without the floor of the analysis; how much of it is harmonic. Lanes before and after
 * the frames asked for: those still sounding, and the last one held. */
VECTOR_BODY static inline void aim_body(Render *r, const RenderFrames *asked)
{
    const size_t bands = r->bands.rows, kinds = r->voices.columns, old = r->overlap - 1;
    const size_t lanes = asked->frames + 2 * old, batches = (lanes + LANES - 1) / LANES;
    float loudest = RENDER_LEAST_DB;
    for (size_t i = 0; i < asked->frames * bands; i++)
        loudest = asked->levels_db[i] > loudest ? asked->levels_db[i] : loudest;
    r->past.peak_db -= r->decay_db * (float)asked->frames;
    r->past.peak_db = loudest > r->past.peak_db ? loudest : r->past.peak_db;
    const float floor_db = r->past.peak_db - r->floor_db < RENDER_LEAST_DB ? RENDER_LEAST_DB : r->past.peak_db - r->floor_db;
    const float floor = power_of_two(floor_db / DECIBEL);
    for (size_t lane = 0; lane < LANES * batches; lane++) {
        float *to = r->target + LANES * bands * (lane / LANES) + lane % LANES;
        float *share = r->mix + LANES * kinds * (lane / LANES) + lane % LANES;
        if (lane < old || lane >= lanes) {
            for (size_t b = 0; b < bands; b++)
                to[LANES * b] = lane < old ? r->old_target[bands * lane + b] : RENDER_NOTHING;
            for (size_t b = 0; b < kinds; b++)
                share[LANES * b] = 0.0f;
            continue;
        }
        const size_t t = lane - old < asked->frames ? lane - old : asked->frames - 1;
        for (size_t b = 0; b < bands; b++) {
            const float over = power_of_two(asked->levels_db[bands * t + b] / DECIBEL) - floor;
            to[LANES * b] = logarithm(over > UNDER_FLOOR * floor ? over : UNDER_FLOOR * floor);
        }
        for (size_t b = 0; b < kinds; b++) {
            float v = asked->voicing[kinds * t + b];
            v = v > 1e-6f ? v : 1e-6f; /* NaN: none */
            share[LANES * b] = v < 1.0f ? power_of_two(MIX_EXPONENT * logarithm(v)) : 1.0f;
        }
    }
}

/* *count* samples of equal harmonics between the frequencies *from* and *to*: the sum over k of cos(2 pi (k p + q)),
 * p and q the phases in turns, closed (L. Dirichlet's kernel). */
VECTOR_BODY static inline void harmonics_body(const Render *r, float from, float to, float offset, size_t count,
                                              float *RESTRICT out)
{
    const float rate = (float)r->rate, top = TOP * 0.5f * rate - offset, per = 1.0f / rate;
    const float slope = (to - from) / (float)count, p0 = (float)r->past.phase, q0 = (float)r->past.offset_phase;
    const float bottom = offset < 0.0f ? -offset : 0.0f;
    for (size_t i = 0; i < count; i++) {
        const float x = (float)(int)i, f = from + slope * x;
        float p = p0 + (from + 0.5f * slope * x) * x * per;
        const float q = q0 + offset * per * x;
        p -= nearest(p);
        /* Where all harmonics are in phase the closed form is 0 / 0; LEAST_PHASE is as good. */
        const float size = fabsf(p);
        p = copysignf(0.5f * (size + LEAST_PHASE + fabsf(size - LEAST_PHASE)), p);
        const float last = (float)(int)((top - FADE_HZ) / f), before = (float)(int)(bottom / f);
        const float part = (top - (last + 1.0f) * f) * (0.5f / FADE_HZ);
        const float ratio = sine_of_turns(0.5f * (last - before) * p) / sine_of_turns(0.5f * p);
        const float sum = ratio * sine_of_turns(0.5f * (last + before + 1.0f) * p + q + 0.25f);
        out[i] = (sum + (part + fabsf(part)) * sine_of_turns((last + 1.0f) * p + q + 0.25f)) * sqrtf(f * per);
    }
}

/* Harmonics for all frames, by columns; f0 goes straight from the middle of each frame to that of the next. */
VECTOR_BODY static inline void excite_body(Render *r, const RenderFrames *asked)
{
    const size_t reach = r->overlap / 2, old = r->overlap - 1, frames = asked->frames;
    float knots[RENDER_MOST_LANES + 2 * RENDER_MOST_OVERLAP];
    for (size_t t = 0; t < frames; t++) {
        const float f = asked->f0_hz[t];
        knots[reach + t] = f > LEAST_F0_HZ ? f < MOST_F0_HZ ? f : MOST_F0_HZ : LEAST_F0_HZ;
    }
    for (size_t t = 0; t < reach; t++)
        knots[t] = r->past.begun ? r->past.f0[t] : knots[reach];
    const size_t segments = frames + old + r->overlap - 1;
    for (size_t t = reach + frames; t <= segments; t++)
        knots[t] = knots[reach + frames - 1];
    double next_phase = 0.0, next_offset = 0.0;
    for (size_t s = 0; s < segments; s++) {
        if (s == frames) {
            next_phase = r->past.phase;
            next_offset = r->past.offset_phase;
        }
        harmonics_body(r, knots[s], knots[s + 1], asked->offset_hz, r->hop, r->excitation + s * r->hop);
        r->past.phase += 0.5 * ((double)knots[s] + knots[s + 1]) * (double)r->hop / r->rate;
        r->past.phase -= floor(r->past.phase);
        r->past.offset_phase += (double)asked->offset_hz * (double)r->hop / r->rate;
        r->past.offset_phase -= floor(r->past.offset_phase);
    }
    r->past.phase = next_phase;
    r->past.offset_phase = next_offset;
    for (size_t t = 0; t < reach; t++)
        r->past.f0[t] = knots[frames + t];
    r->past.begun = 1;
    for (size_t i = 0; i < r->hop; i++) {
        float *row = r->sheet + i * r->columns;
        memset(row, 0, r->columns * sizeof(float));
        for (size_t c = 0; c < segments; c++)
            row[old + c] = r->excitation[c * r->hop + i];
    }
}

/* Log2 of the band powers of a batch in r->level. */
VECTOR_BODY static inline void measure_body(Render *r, const float *re, const float *im)
{
    lanes_powers(re, im, r->power, r->window_size / 2 + 1);
    lanes_sums(&r->bands, r->power, r->level);
    for (size_t i = 0; i < LANES * r->bands.rows; i++)
        r->level[i] = logarithm(r->level[i] + TINY);
}

/* The first spectra of a batch: the harmonics that lie there, shaped, and noise of constant magnitude. */
VECTOR_BODY static inline void shape_body(Render *r, size_t batch)
{
    const size_t bins = r->window_size / 2 + 1, bands = r->bands.rows;
    float *RESTRICT re = r->re + LANES * bins * batch, *RESTRICT im = r->im + LANES * bins * batch;
    const float *target = r->target + LANES * bands * batch, *mix = r->mix + LANES * r->voices.columns * batch;
    measure_body(r, re, im);
    for (size_t i = 0; i < LANES * bands; i++) {
        float gain = target[i] - r->level[i];
        gain = gain < MOST_DOWN ? MOST_DOWN : gain;
        r->level[i] = gain > MOST_UP ? MOST_UP : gain;
    }
    for (size_t k = 0; k < bins; k++) {
        const size_t b = LANES * r->gains.first[k], v = LANES * r->voices.first[k];
        const float w = 0.5f * r->gains.weight[k], next = 0.5f * r->gains.next[k];
        const float cr = r->spread_re[k], ci = r->spread_im[k];
        const float vw = r->voices.weight[k], vnext = r->voices.next[k];
        float *x = re + LANES * k, *y = im + LANES * k, noise_re[LANES], noise_im[LANES];
        uint64_t random = next_random(r);
        for (size_t l = 0; l < LANES; l++, random >>= 8) {
            noise_re[l] = r->turn_re[random & 255u];
            noise_im[l] = r->turn_im[random & 255u];
        }
        EACH_LANE {
            const float share = vw * mix[v + l] + vnext * mix[v + LANES + l];
            const float tone = sqrtf(share) * power_of_two(w * r->level[b + l] + next * r->level[b + LANES + l]);
            const float noise = sqrtf(fabsf(1.0f - share)) * power_of_two(w * target[b + l] + next * target[b + LANES + l]);
            const float tone_re = x[l] * cr - y[l] * ci, tone_im = x[l] * ci + y[l] * cr;
            x[l] = tone * tone_re + noise * noise_re[l];
            y[l] = tone * tone_im + noise * noise_im[l];
        }
    }
}

/* Moves the gains of a batch to where its band powers are as asked. */
VECTOR_BODY static inline void correct_body(Render *r, size_t batch)
{
    const size_t bins = r->window_size / 2 + 1, bands = r->bands.rows;
    float *RESTRICT re = r->re + LANES * bins * batch, *RESTRICT im = r->im + LANES * bins * batch;
    const float *target = r->target + LANES * bands * batch;
    measure_body(r, re, im);
    for (size_t i = 0; i < LANES * bands; i++) {
        float gain = target[i] - r->level[i];
        gain = gain < -MOST_CORRECTION ? -MOST_CORRECTION : gain;
        r->level[i] = gain > MOST_CORRECTION ? MOST_CORRECTION : gain;
    }
    for (size_t k = 0; k < bins; k++) {
        const size_t b = LANES * r->gains.first[k];
        const float w = 0.5f * r->gains.weight[k], next = 0.5f * r->gains.next[k];
        EACH_LANE {
            const float gain = power_of_two(w * r->level[b + l] + next * r->level[b + LANES + l]);
            re[LANES * k + l] *= gain;
            im[LANES * k + l] *= gain;
        }
    }
}

/* Adds up all frames by columns. */
VECTOR_BODY static inline void add_up_body(Render *r, size_t batches)
{
    const size_t bins = r->window_size / 2 + 1;
    for (size_t i = 0; i < r->hop; i++)
        memset(r->sheet + i * r->columns, 0, r->columns * sizeof(float));
    for (size_t batch = 0; batch < batches; batch++) {
        const float *odd;
        const float *even = lanes_backward(&r->fft, r->re + LANES * bins * batch, r->im + LANES * bins * batch, &odd);
        lanes_add(&r->fft, even, odd, r->sheet, r->columns, r->hop, LANES * batch, r->window_out);
    }
}

VECTOR_BODY static inline void run_body(Render *r, const RenderFrames *asked, float *out)
{
    const size_t bins = r->window_size / 2 + 1, bands = r->bands.rows, old = r->overlap - 1, frames = asked->frames;
    const size_t batches = (frames + 2 * old + LANES - 1) / LANES;
    aim_body(r, asked);
    excite_body(r, asked);
    for (size_t batch = 0; batch < batches; batch++) {
        float *re = r->re + LANES * bins * batch, *im = r->im + LANES * bins * batch;
        lanes_load(&r->fft, r->sheet, r->columns, r->hop, LANES * batch, r->window_in);
        lanes_forward(&r->fft, re, im);
        shape_body(r, batch);
    }
    for (size_t lane = 0; lane < old; lane++)
        for (size_t k = 0; k < bins; k++) {
            r->re[LANES * k + lane] = r->old_re[bins * lane + k];
            r->im[LANES * k + lane] = r->old_im[bins * lane + k];
        }
    for (size_t pass = 0; pass <= r->passes; pass++) {
        add_up_body(r, batches);
        for (size_t c = 0; c < old; c++)
            for (size_t i = 0; i < r->hop; i++)
                r->sheet[i * r->columns + c] = r->tail[c * r->hop + i];
        if (pass == r->passes)
            break;
        for (size_t batch = 0; batch < batches; batch++) {
            lanes_load(&r->fft, r->sheet, r->columns, r->hop, LANES * batch, r->window_in);
            lanes_forward(&r->fft, r->re + LANES * bins * batch, r->im + LANES * bins * batch);
            correct_body(r, batch);
        }
    }
    for (size_t c = 0; c < frames; c++)
        for (size_t i = 0; i < r->hop; i++)
            out[c * r->hop + i] = r->sheet[i * r->columns + old + c];
    for (size_t c = 0; c < old; c++)
        for (size_t i = 0; i < r->hop; i++)
            r->tail[c * r->hop + i] = r->sheet[i * r->columns + frames + c];
    for (size_t lane = frames; lane < frames + old; lane++) {
        const float *re = r->re + LANES * bins * (lane / LANES) + lane % LANES;
        const float *im = r->im + LANES * bins * (lane / LANES) + lane % LANES;
        const float *target = r->target + LANES * bands * (lane / LANES) + lane % LANES;
        for (size_t k = 0; k < bins; k++) {
            r->old_re[bins * (lane - frames) + k] = re[LANES * k];
            r->old_im[bins * (lane - frames) + k] = im[LANES * k];
        }
        for (size_t b = 0; b < bands; b++)
            r->old_target[bands * (lane - frames) + b] = target[LANES * b];
    }
}

static void run_plain(Render *r, const RenderFrames *asked, float *out)
{
    run_body(r, asked, out);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void run_vector(Render *r, const RenderFrames *asked, float *out)
{
    run_body(r, asked, out);
}
#else
#define run_vector run_plain
#endif

void render_run(Render *r, const RenderFrames *asked, float *out)
{
    if (r->vector)
        run_vector(r, asked, out);
    else
        run_plain(r, asked, out);
}
