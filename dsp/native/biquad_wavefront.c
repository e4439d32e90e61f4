/* Biquads as a wavefront (AVX2): a lane is a section, and one step advances all of them.
 *
 * A section works on the sample that the section before it left one step ago or, where the lanes must be
 * turned, four steps ago: so no step waits for the sums and the shuffle of the last one. With eight sections
 * the even ones lie in one register and the odd ones in the other: the outputs of the even ones are the inputs
 * of the odd ones as they are, and only the way back turns the lanes. In place of s2 go the two numbers it is
 * made of, the newest state added last, so that from step to step it is one multiply-add and no more:
 *
 *     y(t)    = b0 x(t) + s1(t)
 *     s1(t+1) = h1 x(t) + h2 x(t-1) - a2 s1(t-1) - a1 s1(t)
 *
 * In the first and the last steps of a call some lanes have no sample: their state is kept as it was. No
 * sample is in flight between two calls, and each goes through the same operations wherever a call ends.
 */
#include "biquad.h"

void begin_wavefront(const Group *g, State *state, double *x)
{
    double in = *x;
    for (int k = 0; k < LANES; k++) {
        const double s1 = state->s1[k];
        state->s1[k] = (g->h1[k] * in + state->s2[k]) - g->a1[k] * s1;
        state->s2[k] = 0.0;
        state->s1_before[k] = s1;
        state->x_before[k] = in;
        in = g->b0[k] * in + s1;
    }
    *x = in;
    state->begun = 1;
}

void settle_wavefront(const Group *g, State *state)
{
    for (int k = 0; k < LANES && state->begun; k++) {
        state->s2[k] = g->h2[k] * state->x_before[k] - g->a2[k] * state->s1_before[k];
        state->s1_before[k] = state->x_before[k] = 0.0;
    }
    state->begun = 0;
}

#ifdef BIQUAD_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE __attribute__((always_inline)) static inline

enum {
    LAST4 = 12, /* how many samples the last of four sections is behind the first */
    LAST8 = 16, /* and of eight */
};

typedef struct {
    __m256d b0, h1, h2, a1, a2;
} Sections;

typedef struct {
    __m256d s1, s1_before, x_before;
} Past;

INLINE TARGET __m256d advance(const Sections *c, Past *s, __m256d x)
{
    const __m256d s1 = s->s1;
    const __m256d inputs = _mm256_fmadd_pd(c->h1, x, _mm256_mul_pd(c->h2, s->x_before));
    s->s1 = _mm256_fnmadd_pd(c->a1, s1, _mm256_fnmadd_pd(c->a2, s->s1_before, inputs));
    s->s1_before = s1;
    s->x_before = x;
    return _mm256_fmadd_pd(c->b0, x, s1);
}

/* As `advance`, for the lanes that have one of the *n* samples at step *t*. */
INLINE TARGET __m256d advance_some(const Sections *c, Past *s, __m256d x, __m256i behind, Py_ssize_t t,
                                   Py_ssize_t n)
{
    const Past before = *s;
    const __m256d y = advance(c, s, x);
    const __m256i sample = _mm256_sub_epi64(_mm256_set1_epi64x(t), behind);
    const __m256d some =
        _mm256_castsi256_pd(_mm256_andnot_si256(_mm256_cmpgt_epi64(_mm256_setzero_si256(), sample),
                                                _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), sample)));
    s->s1 = _mm256_blendv_pd(before.s1, s->s1, some);
    s->s1_before = _mm256_blendv_pd(before.s1_before, s->s1_before, some);
    s->x_before = _mm256_blendv_pd(before.x_before, s->x_before, some);
    return y;
}

/* Lane 3 to 0, the others one up. */
INLINE TARGET __m256d turn(__m256d y)
{
    return _mm256_permute4x64_pd(y, 0x93);
}

/* The turned outputs, with the sample at *x* into the first section. */
INLINE TARGET __m256d feed(__m256d turned, const double *x)
{
    return _mm256_blend_pd(turned, _mm256_loadu_pd(x), 1);
}

INLINE TARGET void store_low(double *x, __m256d y)
{
    _mm_store_sd(x, _mm256_castpd256_pd128(y));
}

TARGET void run_wavefront4(const Group *g, State *state, double *x, Py_ssize_t n)
{
    if (!state->begun) {
        begin_wavefront(g, state, x++);
        if (--n == 0)
            return;
    }
    const Sections c = {_mm256_loadu_pd(g->b0), _mm256_loadu_pd(g->h1), _mm256_loadu_pd(g->h2),
                        _mm256_loadu_pd(g->a1), _mm256_loadu_pd(g->a2)};
    Past s = {_mm256_loadu_pd(state->s1), _mm256_loadu_pd(state->s1_before), _mm256_loadu_pd(state->x_before)};
    const __m256i behind = _mm256_setr_epi64x(0, 4, 8, LAST4);
    __m256d y = _mm256_setzero_pd(), turned = y, waiting = y, ready = y;
    Py_ssize_t t = 0;
    for (; t <= LAST4; t++) {
        const __m256d in = feed(ready, x + t);
        ready = waiting;
        waiting = turned;
        turned = turn(y);
        y = advance_some(&c, &s, in, behind, t, n);
    }
    for (; t < n; t++) {
        const __m256d in = feed(ready, x + t);
        ready = waiting;
        waiting = turned;
        turned = turn(y);
        store_low(x + t - LAST4 - 1, turned);
        y = advance(&c, &s, in);
    }
    for (; t < n + LAST4; t++) {
        const __m256d in = feed(ready, x + t);
        ready = waiting;
        waiting = turned;
        turned = turn(y);
        store_low(x + t - LAST4 - 1, turned);
        y = advance_some(&c, &s, in, behind, t, n);
    }
    store_low(x + n - 1, turn(y));
    _mm256_storeu_pd(state->s1, s.s1);
    _mm256_storeu_pd(state->s1_before, s.s1_before);
    _mm256_storeu_pd(state->x_before, s.x_before);
}

/* Eight values apart into the even and the odd ones. */
INLINE TARGET void load_halves(const double *from, __m256d *even, __m256d *odd)
{
    const __m256d low = _mm256_loadu_pd(from), high = _mm256_loadu_pd(from + 4);
    *even = _mm256_permute4x64_pd(_mm256_unpacklo_pd(low, high), 0xd8);
    *odd = _mm256_permute4x64_pd(_mm256_unpackhi_pd(low, high), 0xd8);
}

INLINE TARGET void store_halves(double *to, __m256d even, __m256d odd)
{
    const __m256d first = _mm256_permute4x64_pd(even, 0xd8), second = _mm256_permute4x64_pd(odd, 0xd8);
    _mm256_storeu_pd(to, _mm256_unpacklo_pd(first, second));
    _mm256_storeu_pd(to + 4, _mm256_unpackhi_pd(first, second));
}

TARGET void run_wavefront8(const Group *g, State *state, double *x, Py_ssize_t n)
{
    if (!state->begun) {
        begin_wavefront(g, state, x++);
        if (--n == 0)
            return;
    }
    Sections even, odd;
    Past even_s, odd_s;
    load_halves(g->b0, &even.b0, &odd.b0);
    load_halves(g->h1, &even.h1, &odd.h1);
    load_halves(g->h2, &even.h2, &odd.h2);
    load_halves(g->a1, &even.a1, &odd.a1);
    load_halves(g->a2, &even.a2, &odd.a2);
    load_halves(state->s1, &even_s.s1, &odd_s.s1);
    load_halves(state->s1_before, &even_s.s1_before, &odd_s.s1_before);
    load_halves(state->x_before, &even_s.x_before, &odd_s.x_before);
    const __m256i even_behind = _mm256_setr_epi64x(0, 5, 10, 15);
    const __m256i odd_behind = _mm256_setr_epi64x(1, 6, 11, LAST8);
    __m256d even_y = _mm256_setzero_pd(), odd_y = even_y, turned = even_y, waiting = even_y, ready = even_y;
    Py_ssize_t t = 0;
    for (; t <= LAST8; t++) {
        const __m256d even_in = feed(ready, x + t), odd_in = even_y;
        ready = waiting;
        waiting = turned;
        turned = turn(odd_y);
        even_y = advance_some(&even, &even_s, even_in, even_behind, t, n);
        odd_y = advance_some(&odd, &odd_s, odd_in, odd_behind, t, n);
    }
    for (; t < n; t++) {
        const __m256d even_in = feed(ready, x + t), odd_in = even_y;
        ready = waiting;
        waiting = turned;
        turned = turn(odd_y);
        store_low(x + t - LAST8 - 1, turned);
        even_y = advance(&even, &even_s, even_in);
        odd_y = advance(&odd, &odd_s, odd_in);
    }
    for (; t < n + LAST8; t++) {
        const __m256d even_in = feed(ready, x + t), odd_in = even_y;
        ready = waiting;
        waiting = turned;
        turned = turn(odd_y);
        store_low(x + t - LAST8 - 1, turned);
        even_y = advance_some(&even, &even_s, even_in, even_behind, t, n);
        odd_y = advance_some(&odd, &odd_s, odd_in, odd_behind, t, n);
    }
    store_low(x + n - 1, turn(odd_y));
    store_halves(state->s1, even_s.s1, odd_s.s1);
    store_halves(state->s1_before, even_s.s1_before, odd_s.s1_before);
    store_halves(state->x_before, even_s.x_before, odd_s.x_before);
}

int has_wavefront(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

int has_wavefront(void)
{
    return 0;
}

void run_wavefront4(const Group *group, State *state, double *x, Py_ssize_t n)
{
    run_scalar(group, state, x, n);
}

void run_wavefront8(const Group *group, State *state, double *x, Py_ssize_t n)
{
    run_scalar(group, state, x, n);
}

#endif
