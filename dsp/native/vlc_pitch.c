/* See vlc_pitch.h. */
#include "vlc_pitch.h"
#include "vector.h"
#include "vector_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

enum {
    COMB_STEPS = 12, /* to either side */
};

static const double CUTOFF_HZ = 1600.0, LOWEST_HZ = 60.0;
static const float COMB_RANGE = 0.03f, COMB_HIGHEST_HZ = 1500.0f;
static const float LAG_COST = 0.0012f;      /* of a candidate, per sample of lag: the shorter of equals */
static const float OCTAVE_COST = 2.5f;      /* of a path, per octave between frames */
static const float MOST_OCTAVES = 0.35f;    /* beyond which a leap costs no more */
static const float LEAST_WEIGHT = 0.2f;     /* of a quiet frame on the path */
static const float LOUD = 0.1f;             /* amplitude, against the peak's, from which on a frame counts in full */
static const float BACKGROUND = 1e-5f;      /* against the peak's power, added to both energies */
static const float SILENCE = 1e-12f;
static const float IMPOSSIBLE = -1e9f;

int pitch_init(Pitch *p, size_t factor, size_t frames, size_t past, size_t ahead, float f0_min, float f0_max)
{
    memset(p, 0, sizeof *p);
    p->factor = factor;
    p->frames = frames;
    p->past = past / factor;
    p->size = p->past + PITCH_STEP * frames + ahead / factor - PITCH_REACH + 1;
    p->f0_min = f0_min;
    p->f0_max = f0_max;
    p->shortest = (size_t)((double)PITCH_RATE / f0_max);
    p->longest = (size_t)((double)PITCH_RATE / f0_min) + 1;
    p->pole = (float)exp(-2.0 * M_PI * LOWEST_HZ / PITCH_RATE);
    p->decay = (float)pow(10.0, -0.15 * 0.016 * (double)frames); /* 1.5 dB/s */
    const size_t count = 2 * PITCH_REACH * factor - 1;
    p->taps = malloc(count * sizeof(float));
    p->line = malloc(p->size * sizeof(float));
    p->comb_window = malloc(COMB_WINDOW * sizeof(float));
    p->re = malloc(2 * LANES * (COMB_POINTS / 2 + 1) * sizeof(float));
    if (lanes_init(&p->fft, COMB_POINTS / 2) < 0 || p->taps == NULL || p->line == NULL || p->comb_window == NULL ||
        p->re == NULL)
        return -1;
    p->im = p->re + LANES * (COMB_POINTS / 2 + 1);
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double t = (double)i - (double)(count / 2), x = 2.0 * CUTOFF_HZ / PITCH_RATE / (double)factor * t;
        const double sinc = t == 0.0 ? 1.0 : sin(M_PI * x) / (M_PI * x);
        const double tap = sinc * (0.5 - 0.5 * cos(2.0 * M_PI * (double)(i + 1) / (double)(count + 1)));
        p->taps[i] = (float)tap;
        sum += tap;
    }
    for (size_t i = 0; i < count; i++)
        p->taps[i] = (float)(p->taps[i] / sum);
    for (size_t i = 0; i < COMB_WINDOW; i++)
        p->comb_window[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * (double)(i + 1) / (COMB_WINDOW + 1)));
    pitch_reset(p);
    return 0;
}

void pitch_free(Pitch *p)
{
    lanes_free(&p->fft);
    free(p->re);
    free(p->taps);
    free(p->line);
    free(p->comb_window);
}

void pitch_reset(Pitch *p)
{
    memset(p->line, 0, p->size * sizeof(float));
    memset(p->score, 0, sizeof p->score);
    p->last_in = p->last_out = p->peak = 0.0f;
    p->begun = 0;
}

/* Low-pass and one in *factor* samples of the newest packet, the line moved on; then the high-pass. */
VECTOR_BODY static inline void decimate_body(Pitch *p, const float *signal, size_t count)
{
    const size_t fresh = PITCH_STEP * p->frames, factor = p->factor;
    memmove(p->line, p->line + fresh, (p->size - fresh) * sizeof(float));
    float *RESTRICT out = p->line + p->size - fresh;
    memset(out, 0, fresh * sizeof(float));
    const size_t taps = 2 * PITCH_REACH * factor - 1;
    const float *from = signal + count - taps - factor * (fresh - 1);
    for (size_t i = 0; i < taps; i++) {
        const float tap = p->taps[i];
        const float *RESTRICT x = from + i;
        for (size_t j = 0; j < fresh; j++)
            out[j] += tap * x[factor * j];
    }
    for (size_t j = 0; j < fresh; j++) {
        const float in = out[j];
        p->last_out = in - p->last_in + p->pole * p->last_out;
        p->last_in = in;
        out[j] = p->last_out;
    }
}

static inline float scaled(float product, float energy, double other, float floor)
{
    const float both = energy * (float)other;
    return product / (sqrtf(both > 0.0f ? both : 0.0f) + floor);
}

/* Normalised cross-correlation of a window of *x* with what follows it at all lags, in steps of half a sample (between samples
 * by the sine cardinal of eight points under a Hann window), less what a lag costs; returns the energy of the window. */
VECTOR_BODY static inline float correlate_body(const float *RESTRICT x, size_t longest, float floor,
                                               float *RESTRICT ratio)
{
    float sums[PITCH_LAGS] = {0.0f};
    for (size_t i = 0; i < PITCH_WINDOW; i++)
        for (size_t lag = 0; lag < PITCH_LAGS; lag++)
            sums[lag] += x[i] * x[i + lag];
    double energy = sums[0];
    for (size_t lag = 0; lag <= longest; lag++) {
        const double next = energy + (double)x[PITCH_WINDOW + lag] * x[PITCH_WINDOW + lag] - (double)x[lag] * x[lag];
        float between = sums[lag];
        if (lag >= 3)
            between = 0.61053f * (sums[lag] + sums[lag + 1]) - 0.14627f * (sums[lag - 1] + sums[lag + 2]) +
                      0.03918f * (sums[lag - 2] + sums[lag + 3]) - 0.00344f * (sums[lag - 3] + sums[lag + 4]);
        ratio[2 * lag] = scaled(sums[lag], sums[0], energy, floor) - LAG_COST * (float)lag;
        ratio[2 * lag + 1] = scaled(between, sums[0], 0.5 * (energy + next), floor) - LAG_COST * ((float)lag + 0.5f);
        energy = next;
    }
    return sums[0];
}

/* Roots of the amplitudes of *count* frames of 48 ms, PITCH_STEP apart from *x* on: (LANES, COMB_BINS). */
VECTOR_BODY static inline void roots_body(Pitch *p, const float *x, size_t count, float *RESTRICT roots)
{
    LanesFft *fft = &p->fft;
    memset(fft->re, 0, LANES * fft->half * sizeof(float));
    memset(fft->im, 0, LANES * fft->half * sizeof(float));
    for (size_t l = 0; l < count; l++) {
        const float *frame = x + PITCH_STEP * l;
        for (size_t i = 0; i < COMB_WINDOW / 2; i++) {
            fft->re[LANES * i + l] = frame[2 * i] * p->comb_window[2 * i];
            fft->im[LANES * i + l] = frame[2 * i + 1] * p->comb_window[2 * i + 1];
        }
    }
    float *RESTRICT re = p->re, *RESTRICT im = p->im;
    lanes_forward(fft, re, im);
    INDEPENDENT for (size_t i = 0; i < LANES * COMB_BINS; i++)
        re[i] = sqrtf(sqrtf(re[i] * re[i] + im[i] * im[i]));
    for (size_t k = 0; k < COMB_BINS; k++)
        for (size_t l = 0; l < LANES; l++)
            roots[COMB_BINS * l + k] = re[LANES * k + l];
}

/* The frequency near *f0* over whose harmonics the sum of *root* is greatest. */
VECTOR_BODY static inline float refine_body(const float *RESTRICT root, float f0)
{
    float sums[2 * COMB_STEPS + 8] = {0.0f}, places[2 * COMB_STEPS + 8] = {0.0f};
    for (int step = 0; step <= 2 * COMB_STEPS; step++)
        places[step] = f0 * (1.0f + COMB_RANGE * (float)(step - COMB_STEPS) / COMB_STEPS) *
                       ((float)COMB_POINTS / PITCH_RATE);
    int harmonics = (int)(COMB_HIGHEST_HZ / f0);
    harmonics = harmonics < 1 ? 1 : harmonics;
    for (int h = 1; h <= harmonics; h++)
        INDEPENDENT for (int step = 0; step < 2 * COMB_STEPS + 8; step++) {
            const float place = places[step] * (float)h;
            const int k = (int)place;
            sums[step] += root[k] + (place - (float)k) * (root[k + 1] - root[k]);
        }
    int best = 0;
    for (int step = 1; step <= 2 * COMB_STEPS; step++)
        best = sums[step] > sums[best] ? step : best;
    return f0 * (1.0f + COMB_RANGE * (float)(best - COMB_STEPS) / COMB_STEPS);
}

/* The highest peaks of *ratio*: their lags between samples and heights, the highest first. Returns how many. */
static int candidates(const Pitch *p, const float *ratio, float *lags, float *heights)
{
    int count = 0;
    for (size_t lag = 2 * p->shortest; lag < 2 * p->longest; lag++) {
        const float before = ratio[lag - 1], here = ratio[lag], after = ratio[lag + 1];
        if (!(here >= before && here > after))
            continue;
        const float bend = before - 2.0f * here + after;
        float shift = bend < 0.0f ? 0.5f * (before - after) / bend : 0.0f;
        shift = shift < -0.5f ? -0.5f : shift > 0.5f ? 0.5f : shift;
        const float top = here - 0.25f * (before - after) * shift;
        int place = count < PITCH_CANDIDATES ? count++ : PITCH_CANDIDATES;
        while (place > 0 && top > heights[place - 1]) {
            if (place < PITCH_CANDIDATES) {
                heights[place] = heights[place - 1];
                lags[place] = lags[place - 1];
            }
            place--;
        }
        if (place == PITCH_CANDIDATES)
            continue;
        heights[place] = top;
        lags[place] = 0.5f * ((float)lag + shift);
    }
    if (count == 0) {
        lags[0] = (float)p->longest;
        heights[0] = 0.0f;
        count = 1;
    }
    return count;
}

static void path(Pitch *p, float ratios[][2 * PITCH_LAGS], const float *energies, float *f0)
{
    float octaves[PITCH_MOST_FRAMES][PITCH_CANDIDATES];
    int from[PITCH_MOST_FRAMES][PITCH_CANDIDATES], best = 0;
    const float *before = p->octave;
    for (size_t t = 0; t < p->frames; t++) {
        float lags[PITCH_CANDIDATES], heights[PITCH_CANDIDATES], score[PITCH_CANDIDATES];
        const int count = candidates(p, ratios[t], lags, heights);
        float weight = sqrtf(energies[t] / (PITCH_WINDOW * p->peak + SILENCE)) / LOUD;
        weight = LEAST_WEIGHT + (1.0f - LEAST_WEIGHT) * (weight < 1.0f ? weight : 1.0f);
        for (int i = 0; i < PITCH_CANDIDATES; i++)
            octaves[t][i] = i < count ? logarithm(PITCH_RATE / lags[i]) : 0.0f;
        if (!p->begun)
            before = octaves[t];
        p->begun = 1;
        best = 0;
        for (int i = 0; i < PITCH_CANDIDATES; i++) {
            score[i] = 2.0f * IMPOSSIBLE;
            from[t][i] = 0;
            if (i >= count) {
                score[i] = IMPOSSIBLE;
                continue;
            }
            for (int j = 0; j < PITCH_CANDIDATES; j++) {
                float leap = fabsf(octaves[t][i] - before[j]);
                leap = leap < MOST_OCTAVES ? leap : MOST_OCTAVES;
                const float total = p->score[j] - OCTAVE_COST * leap;
                if (total > score[i]) {
                    score[i] = total;
                    from[t][i] = j;
                }
            }
            score[i] += 2.0f * weight * heights[i];
            if (score[i] > score[best])
                best = i;
        }
        for (int i = 0; i < PITCH_CANDIDATES; i++)
            p->score[i] = i < count ? score[i] - score[best] : IMPOSSIBLE;
        before = octaves[t];
    }
    memmove(p->octave, before, sizeof p->octave);
    for (size_t t = p->frames; t-- > 0; best = from[t][best])
        f0[t] = power_of_two(octaves[t][best]);
}

VECTOR_BODY static inline void track_body(Pitch *p, const float *signal, size_t count, float *f0)
{
    float ratios[PITCH_MOST_FRAMES][2 * PITCH_LAGS], energies[PITCH_MOST_FRAMES];
    decimate_body(p, signal, count);
    const float *packet = p->line + p->past + PITCH_STEP / 2;
    float loudest = 0.0f;
    for (size_t t = 0; t < p->frames; t++) {
        const float *x = packet + PITCH_STEP * t - (PITCH_WINDOW + p->longest) / 2;
        const float floor = PITCH_WINDOW * (BACKGROUND * p->peak + SILENCE);
        energies[t] = correlate_body(x, p->longest, floor, ratios[t]);
        loudest = energies[t] > loudest ? energies[t] : loudest;
    }
    loudest /= PITCH_WINDOW;
    p->peak *= p->decay;
    p->peak = loudest > p->peak ? loudest : p->peak;
    path(p, ratios, energies, f0);
    for (size_t first = 0; first < p->frames; first += LANES) {
        float roots[LANES * COMB_BINS];
        const size_t together = p->frames - first < LANES ? p->frames - first : LANES;
        roots_body(p, packet + PITCH_STEP * first - COMB_WINDOW / 2, together, roots);
        for (size_t l = 0; l < together; l++) {
            const float fine = refine_body(roots + COMB_BINS * l, f0[first + l]);
            f0[first + l] = fine < p->f0_min ? p->f0_min : fine > p->f0_max ? p->f0_max : fine;
        }
    }
}

static void track_plain(Pitch *p, const float *signal, size_t count, float *f0)
{
    track_body(p, signal, count, f0);
}

#ifdef HAVE_VECTOR_TARGET
VECTOR_TARGET static void track_vector(Pitch *p, const float *signal, size_t count, float *f0)
{
    track_body(p, signal, count, f0);
}
#else
#define track_vector track_plain
#endif

void pitch_track(Pitch *p, const float *signal, size_t count, float *f0)
{
    if (p->vector)
        track_vector(p, signal, count, f0);
    else
        track_plain(p, signal, count, f0);
}
