/* The wavefront of biquad_wavefront.c with all eight lanes in one register (AVX-512). */
#include "biquad.h"

#ifdef BIQUAD_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE __attribute__((always_inline)) static inline

enum {
    LAST = 28, /* how many samples the last section is behind the first */
};

typedef struct {
    __m512d b0, h1, h2, a1, a2;
} Sections;

typedef struct {
    __m512d s1, s1_before, x_before;
} Past;

INLINE TARGET __m512d advance(const Sections *c, Past *s, __m512d x)
{
    const __m512d s1 = s->s1;
    const __m512d inputs = _mm512_fmadd_pd(c->h1, x, _mm512_mul_pd(c->h2, s->x_before));
    s->s1 = _mm512_fnmadd_pd(c->a1, s1, _mm512_fnmadd_pd(c->a2, s->s1_before, inputs));
    s->s1_before = s1;
    s->x_before = x;
    return _mm512_fmadd_pd(c->b0, x, s1);
}

/* As `advance`, for the lanes that have one of the *n* samples at step *t*. */
INLINE TARGET __m512d advance_some(const Sections *c, Past *s, __m512d x, Py_ssize_t t, Py_ssize_t n)
{
    const __m512i behind = _mm512_setr_epi64(0, 4, 8, 12, 16, 20, 24, LAST);
    const __m512i sample = _mm512_sub_epi64(_mm512_set1_epi64(t), behind);
    const __mmask8 some = (__mmask8)(_mm512_cmpge_epi64_mask(sample, _mm512_setzero_si512()) &
                                     _mm512_cmplt_epi64_mask(sample, _mm512_set1_epi64(n)));
    const Past before = *s;
    const __m512d y = advance(c, s, x);
    s->s1 = _mm512_mask_mov_pd(before.s1, some, s->s1);
    s->s1_before = _mm512_mask_mov_pd(before.s1_before, some, s->s1_before);
    s->x_before = _mm512_mask_mov_pd(before.x_before, some, s->x_before);
    return y;
}

/* Lane 7 to 0, the others one up. */
INLINE TARGET __m512d turn(__m512d y)
{
    const __m512i lanes = _mm512_castpd_si512(y);
    return _mm512_castsi512_pd(_mm512_alignr_epi64(lanes, lanes, 7));
}

/* The turned outputs, with the sample at *x* into the first section. */
INLINE TARGET __m512d feed(__m512d turned, const double *x)
{
    return _mm512_mask_broadcastsd_pd(turned, 1, _mm_load_sd(x));
}

INLINE TARGET void store_low(double *x, __m512d y)
{
    _mm_store_sd(x, _mm512_castpd512_pd128(y));
}

TARGET void run_wavefront512(const Group *g, State *state, double *x, Py_ssize_t n)
{
    if (!state->begun) {
        begin_wavefront(g, state, x++);
        if (--n == 0)
            return;
    }
    const Sections c = {_mm512_loadu_pd(g->b0), _mm512_loadu_pd(g->h1), _mm512_loadu_pd(g->h2),
                        _mm512_loadu_pd(g->a1), _mm512_loadu_pd(g->a2)};
    Past s = {_mm512_loadu_pd(state->s1), _mm512_loadu_pd(state->s1_before), _mm512_loadu_pd(state->x_before)};
    __m512d y = _mm512_setzero_pd(), turned = y, waiting = y, ready = y;
    Py_ssize_t t = 0;
    for (; t <= LAST; t++) {
        const __m512d in = feed(ready, x + t);
        ready = waiting;
        waiting = turned;
        turned = turn(y);
        y = advance_some(&c, &s, in, t, n);
    }
    for (; t < n; t++) {
        const __m512d in = feed(ready, x + t);
        ready = waiting;
        waiting = turned;
        turned = turn(y);
        store_low(x + t - LAST - 1, turned);
        y = advance(&c, &s, in);
    }
    for (; t < n + LAST; t++) {
        const __m512d in = feed(ready, x + t);
        ready = waiting;
        waiting = turned;
        turned = turn(y);
        store_low(x + t - LAST - 1, turned);
        y = advance_some(&c, &s, in, t, n);
    }
    store_low(x + n - 1, turn(y));
    _mm512_storeu_pd(state->s1, s.s1);
    _mm512_storeu_pd(state->s1_before, s.s1_before);
    _mm512_storeu_pd(state->x_before, s.x_before);
}

int has_wavefront512(void)
{
    __builtin_cpu_init();
    /* CPUs without the second set of byte instructions are of the generation that lowers its clock for
     * vectors of this width. */
    return has_wavefront() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vbmi2");
}

#else

int has_wavefront512(void)
{
    return 0;
}

void run_wavefront512(const Group *group, State *state, double *x, Py_ssize_t n)
{
    run_scalar(group, state, x, n);
}

#endif
