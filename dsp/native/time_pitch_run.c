/* TimePitch at work: tempo and pitch of sound changed in the time domain, by reading on and now and then
   leaping by a whole number of periods (synchronised overlap-add; Roucos and Wilgus 1985, Verhelst and Roelands 1993).

   Output sample k belongs at input time k tempo - delay. What is read there moves by `pitch` each sample, so it
   drifts from where it belongs; when it is `longest / 2` off, a second reader begins `lag` away, where the sound is
   most like that at the first, and a raised cosine fades from one to the other. Voices keep their waveform: the lag is a
   multiple of the period. All decisions hang on sample numbers only, so the pieces equal the whole. */
#include "time_pitch.h"

#include <math.h>
#include <string.h>

enum { LANES = 8 };

static const double PI = 3.1415926535897932384626433832795;
static const double LOUDER = 2.0, LOUDER_COST = 0.3; /* power between two places against that at them */
static const double LONG_LEAP_BONUS = 0.05; /* of two lags alike the longer one: fewer leaps */

void clear_shifter(Shifter *s)
{
    memset(s->heard, 0, (size_t)(s->channels * s->room) * sizeof(float));
    s->fill = s->keep;
    s->base = -(int64_t)s->keep;
    s->taken = s->made = 0;
    s->place = -(double)s->delay;
    s->next = s->alike = 0.0;
    s->faded = s->fade;
}

static void products(const float *a, const float *b, Py_ssize_t n, double *cross)
{
    float sums[LANES] = {0.0f};
    Py_ssize_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sums[0] += a[i] * b[i];
    for (int k = 0; k < LANES; k++)
        *cross += sums[k];
}

/* Power of sample i of the buffer, all channels together. */
static double energy_at(const Shifter *s, Py_ssize_t i)
{
    double sum = 0.0;
    for (Py_ssize_t c = 0; c < s->channels; c++) {
        const double x = s->heard[c * s->room + i];
        sum += x * x;
    }
    return sum;
}

/* Distance, in input samples, to where the sound is most like that at the reader; signed. */
static double find_lag(Shifter *s)
{
    const int step = s->pitch > s->tempo ? -1 : 1;
    const Py_ssize_t here = (Py_ssize_t)((int64_t)floor(s->place) - s->base);
    double energy = 0.0, other = 0.0;
    for (Py_ssize_t c = 0; c < s->channels; c++) {
        const float *x = s->heard + c * s->room + here;
        products(x, x, s->match, &energy);
    }
    Py_ssize_t best = (s->shortest + s->longest) / 2;
    double most = -HUGE_VAL;
    double between = 0.0; /* energy of what would be left out, or heard twice */
    for (Py_ssize_t lag = 0; lag < s->shortest - 1; lag++)
        between += energy_at(s, step > 0 ? here + lag : here - 1 - lag);
    /* One lag beyond each end, so that a peak has two neighbours. */
    for (Py_ssize_t lag = s->shortest - 1; lag <= s->longest + 1; lag++) {
        double cross = 0.0;
        other = 0.0;
        for (Py_ssize_t c = 0; c < s->channels; c++) {
            const float *x = s->heard + c * s->room + here;
            products(x, x + step * lag, s->match, &cross);
            products(x + step * lag, x + step * lag, s->match, &other);
        }
        const double scale = energy * other;
        const double score = scale > 1e-24 ? cross / sqrt(scale) : energy + other < 1e-12 ? 1.0 : 0.0;
        s->scores[lag] = score;
        /* A sound that begins or ends in between would be lost, or be heard twice. */
        const double around = 0.5 * (energy + other) / (double)s->match + 1e-12;
        const double excess = between / (double)lag / around;
        const double wish = score * (1.0 + LONG_LEAP_BONUS * (double)lag / (double)s->longest) -
                            (excess > LOUDER ? LOUDER_COST * log(excess / LOUDER) : 0.0);
        if (lag >= s->shortest && lag <= s->longest && wish > most) {
            most = wish;
            best = lag;
        }
        between += energy_at(s, step > 0 ? here + lag : here - 1 - lag);
    }
    const double left = s->scores[best - 1], middle = s->scores[best], right = s->scores[best + 1];
    const double bend = left - 2.0 * middle + right;
    double fine = bend < -1e-12 ? 0.5 * (left - right) / bend : 0.0;
    fine = fine < -0.5 ? -0.5 : fine > 0.5 ? 0.5 : fine;
    s->alike = middle > 0.0 ? (middle < 1.0 ? middle : 1.0) : 0.0;
    return step * ((double)best + fine);
}

/* Adds `weight` times the sound at input time `place` to sample `j` of each row of `out`. */
static void read_at(const Shifter *s, double place, float weight, float *out, Py_ssize_t stride, Py_ssize_t j)
{
    float taps[MAX_TAPS];
    const double whole = floor(place);
    const double phase = (place - whole) * (double)s->phases;
    const Py_ssize_t row = (Py_ssize_t)phase;
    const float part = (float)(phase - (double)row);
    const float *a = s->kernel + row * s->taps, *b = a + s->taps;
    for (Py_ssize_t t = 0; t < s->taps; t++)
        taps[t] = a[t] + part * (b[t] - a[t]);
    const Py_ssize_t start = (Py_ssize_t)((int64_t)whole - s->base) - s->taps / 2 + 1;
    for (Py_ssize_t c = 0; c < s->channels; c++) {
        double sum = 0.0;
        products(s->heard + c * s->room + start, taps, s->taps, &sum);
        out[c * stride + j] += weight * (float)sum;
    }
}

static void make_sample(Shifter *s, float *out, Py_ssize_t stride, Py_ssize_t j)
{
    for (Py_ssize_t c = 0; c < s->channels; c++)
        out[c * stride + j] = 0.0f;
    const double belongs = (double)s->made * s->tempo - (double)s->delay;
    const double drift = s->place - belongs;
    if (s->faded == s->fade && fabs(drift) >= 0.5 * (double)s->longest && drift * (s->pitch - s->tempo) > 0.0) {
        s->next = s->place + find_lag(s);
        s->faded = 0;
    }
    if (s->faded < s->fade) {
        const double rise = 0.5 - 0.5 * cos(PI * ((double)s->faded + 0.5) / (double)s->fade);
        const double fall = 1.0 - rise;
        /* The power of a sum of two sounds as much alike as these stays what it was. */
        const double power = rise * rise + fall * fall + 2.0 * s->alike * rise * fall;
        const double scale = 1.0 / sqrt(power);
        read_at(s, s->place, (float)(fall * scale), out, stride, j);
        read_at(s, s->next, (float)(rise * scale), out, stride, j);
        s->next += s->pitch;
        if (++s->faded == s->fade)
            s->place = s->next;
        else
            s->place += s->pitch;
    } else {
        read_at(s, s->place, 1.0f, out, stride, j);
        s->place += s->pitch;
    }
    s->made++;
}

int64_t samples_due(const Shifter *s, int64_t taken)
{
    if (taken <= 0)
        return 0;
    int64_t count = (int64_t)floor((double)(taken - 1) / s->tempo) + 1;
    while ((double)count * s->tempo <= (double)(taken - 1))
        count++;
    while (count > 0 && (double)(count - 1) * s->tempo > (double)(taken - 1))
        count--;
    return count;
}

void run_shifter(Shifter *s, const float *x, Py_ssize_t n, float *out, Py_ssize_t m)
{
    Py_ssize_t j = 0;
    for (Py_ssize_t at = 0; at < n;) {
        Py_ssize_t count = n - at < CHUNK ? n - at : CHUNK;
        if (s->fill + count > s->room) {
            const Py_ssize_t drop = s->fill - s->keep;
            for (Py_ssize_t c = 0; c < s->channels; c++)
                memmove(s->heard + c * s->room, s->heard + c * s->room + drop, (size_t)s->keep * sizeof(float));
            s->base += drop;
            s->fill = s->keep;
        }
        for (Py_ssize_t c = 0; c < s->channels; c++)
            memcpy(s->heard + c * s->room + s->fill, x + c * n + at, (size_t)count * sizeof(float));
        s->fill += count;
        s->taken += count;
        at += count;
        for (const int64_t end = samples_due(s, s->taken); s->made < end; j++)
            make_sample(s, out, m, j);
    }
}
