/* Samples through the groups of a biquad cascade: float32 in and out, float64 between, a chunk at a time. */
#include "biquad.h"

#include <float.h>
#include <math.h>

#ifdef BIQUAD_X86
#include <immintrin.h>
#define TARGET __attribute__((target("avx2,fma")))
#endif

enum {
    CHUNK = 2048, /* stays in the first cache */
};

/* NaN and infinity come in as silence. */
static void widen(double *x, const float *samples, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        x[i] = fabsf(samples[i]) <= FLT_MAX ? (double)samples[i] : 0.0;
}

/* What does not fit into float32 goes out as its largest number, what is no number as silence. */
static void narrow(float *samples, const double *x, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        const double y = x[i] < -FLT_MAX ? -FLT_MAX : x[i] > FLT_MAX ? FLT_MAX : x[i];
        samples[i] = y == y ? (float)y : 0.0f;
    }
}

/* A state too small to hear, or one that is no number any more, starts again from zero. */
static void mend(State *state)
{
    for (int k = 0; k < LANES; k++) {
        const double size = fabs(state->s1[k]) + fabs(state->s2[k]);
        if (!(size <= DBL_MAX) || size < 1e-200)
            state->s1[k] = state->s2[k] = 0.0;
    }
}

#ifdef BIQUAD_X86

/* The same three for CPUs with wider vectors; *x* has room for the rest of the last four. */
TARGET static void widen_avx2(double *x, const float *samples, Py_ssize_t n)
{
    const __m128 sign = _mm_set1_ps(-0.0f), largest = _mm_set1_ps(FLT_MAX);
    Py_ssize_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const __m128 in = _mm_loadu_ps(samples + i);
        const __m128 finite = _mm_cmple_ps(_mm_andnot_ps(sign, in), largest);
        _mm256_storeu_pd(x + i, _mm256_cvtps_pd(_mm_and_ps(in, finite)));
    }
    widen(x + i, samples + i, n - i);
}

TARGET static void narrow_avx2(float *samples, const double *x, Py_ssize_t n)
{
    const __m256d largest = _mm256_set1_pd(FLT_MAX), least = _mm256_set1_pd(-FLT_MAX);
    Py_ssize_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const __m256d y = _mm256_loadu_pd(x + i);
        const __m256d number = _mm256_cmp_pd(y, y, _CMP_ORD_Q);
        const __m256d held = _mm256_max_pd(_mm256_min_pd(y, largest), least);
        _mm_storeu_ps(samples + i, _mm256_cvtpd_ps(_mm256_and_pd(held, number)));
    }
    narrow(samples + i, x + i, n - i);
}

TARGET static void mend_avx2(State *state)
{
    const __m256d sign = _mm256_set1_pd(-0.0), largest = _mm256_set1_pd(DBL_MAX);
    const __m256d least = _mm256_set1_pd(1e-200);
    double *const fields[] = {state->s1, state->s2, state->s1_before, state->x_before};
    for (int k = 0; k < LANES; k += 4) {
        __m256d size = _mm256_setzero_pd();
        for (int i = 0; i < 4; i++)
            size = _mm256_add_pd(size, _mm256_andnot_pd(sign, _mm256_loadu_pd(fields[i] + k)));
        const __m256d keep =
            _mm256_and_pd(_mm256_cmp_pd(size, largest, _CMP_LE_OQ), _mm256_cmp_pd(size, least, _CMP_GE_OQ));
        for (int i = 0; i < 4; i++)
            _mm256_storeu_pd(fields[i] + k, _mm256_and_pd(_mm256_loadu_pd(fields[i] + k), keep));
    }
}

#endif

typedef struct {
    void (*widen)(double *x, const float *samples, Py_ssize_t n);
    void (*narrow)(float *samples, const double *x, Py_ssize_t n);
    void (*mend)(State *state);
} Edges;

static Edges edges_for(const Group *group)
{
#ifdef BIQUAD_X86
    if (group->run != run_scalar)
        return (Edges){widen_avx2, narrow_avx2, mend_avx2};
#else
    (void)group;
#endif
    return (Edges){widen, narrow, mend};
}

void run_groups(const Group *groups, State *states, Py_ssize_t count, float *samples, Py_ssize_t n)
{
    const Edges edges = edges_for(groups);
    const unsigned long long unit = flush_subnormals();
    double x[CHUNK + PADDING];
    while (n > 0) {
        const Py_ssize_t length = n < CHUNK ? n : CHUNK;
        edges.widen(x, samples, length);
        for (int i = 0; i < PADDING; i++)
            x[length + i] = 0.0;
        for (Py_ssize_t i = 0; i < count; i++) {
            groups[i].run(&groups[i], &states[i], x, length);
            edges.mend(&states[i]);
        }
        edges.narrow(samples, x, length);
        samples += length;
        n -= length;
    }
    restore_subnormals(unit);
}
