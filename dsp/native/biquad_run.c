/* Cascade of biquads: float32 samples, float64 coefficients and state, in place.
 *
 * Each section is transposed direct form II, a0 = 1:
 *
 *     y  = b0 x + s1
 *     s1 = b1 x - a1 y + s2
 *     s2 = b2 x - a2 y
 *
 * Section after section is bound by latency: a section must wait for its own last output. So the sections
 * run as a wavefront: lane k of a vector is section k, working on the sample k steps behind lane 0, and
 * one step advances all of them. Before and after the wavefront two triangles are done section by section.
 * Without AVX2 the plain loop, sample outer and section inner, lets the CPU overlap them by itself.
 *
 * Both paths keep no sample in flight between two calls, so blocks of any length give the same samples.
 */
#include "biquad.h"

#include <float.h>
#include <math.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HAVE_WAVEFRONT 1
#include <immintrin.h>
#endif

enum {
    LANES = 4,
    CHUNK = 1024,
};

typedef void (*Kernel)(Group *group, double *x, Py_ssize_t n);

static void run_scalar(Group *g, double *x, Py_ssize_t n)
{
    const int sections = g->sections;
    for (Py_ssize_t i = 0; i < n; i++) {
        double in = x[i];
        for (int k = 0; k < sections; k++) {
            const double y = g->b0[k] * in + g->s1[k];
            g->s1[k] = (g->b1[k] * in + g->s2[k]) - g->a1[k] * y;
            g->s2[k] = g->b2[k] * in - g->a2[k] * y;
            in = y;
        }
        x[i] = in;
    }
}

#ifdef HAVE_WAVEFRONT

#define TARGET __attribute__((target("avx2,fma")))

/* One section, one sample, in the wavefront's own arithmetic (fused), so that the triangles and the
 * vector steps round alike. */
TARGET static inline double step(Group *g, int k, double x)
{
    const double y = __builtin_fma(g->b0[k], x, g->s1[k]);
    g->s1[k] = __builtin_fma(-g->a1[k], y, __builtin_fma(g->b1[k], x, g->s2[k]));
    g->s2[k] = __builtin_fma(-g->a2[k], y, g->b2[k] * x);
    return y;
}

/* Sections first.. of a block too short for a wavefront. */
TARGET static void run_short(Group *g, double *x, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        for (int k = 0; k < g->sections; k++)
            x[i] = step(g, k, x[i]);
}

/* Leading triangle: section k does samples 0 .. lanes-2-k. last[k] is its newest output. */
TARGET static inline void lead_in(Group *g, const double *x, int lanes, double *last)
{
    double wave[MAX_LANES];
    for (int i = 0; i < lanes - 1; i++)
        wave[i] = x[i];
    for (int k = 0; k < lanes - 1; k++) {
        for (int i = 0; i < lanes - 1 - k; i++)
            wave[i] = step(g, k, wave[i]);
        last[k] = wave[lanes - 2 - k];
    }
    last[lanes - 1] = 0.0;
}

/* Trailing triangle: section k does the last k samples. last[k] is its newest output. */
TARGET static inline void lead_out(Group *g, double *x, Py_ssize_t n, int lanes, const double *last)
{
    double wave[MAX_LANES]; /* outputs of section k-1 that section k has not had, oldest first */
    int count = 0;
    for (int k = 1; k < lanes; k++) {
        for (int i = count; i > 0; i--)
            wave[i] = wave[i - 1];
        wave[0] = last[k - 1];
        count++;
        for (int i = 0; i < count; i++)
            wave[i] = step(g, k, wave[i]);
    }
    for (int i = 0; i < count; i++)
        x[n - count + i] = wave[i];
}

TARGET static void run_wave4(Group *g, double *x, Py_ssize_t n)
{
    if (n < LANES) {
        run_short(g, x, n);
        return;
    }
    double last[MAX_LANES];
    lead_in(g, x, LANES, last);
    const __m256d b0 = _mm256_loadu_pd(g->b0), b1 = _mm256_loadu_pd(g->b1), b2 = _mm256_loadu_pd(g->b2);
    const __m256d a1 = _mm256_loadu_pd(g->a1), a2 = _mm256_loadu_pd(g->a2);
    __m256d s1 = _mm256_loadu_pd(g->s1), s2 = _mm256_loadu_pd(g->s2), y = _mm256_loadu_pd(last);
    for (Py_ssize_t t = LANES - 1; t < n; t++) {
        const __m256d in =
            _mm256_blend_pd(_mm256_permute4x64_pd(y, 0x90), _mm256_broadcast_sd(x + t), 1);
        y = _mm256_fmadd_pd(b0, in, s1);
        s1 = _mm256_fnmadd_pd(a1, y, _mm256_fmadd_pd(b1, in, s2));
        s2 = _mm256_fnmadd_pd(a2, y, _mm256_mul_pd(b2, in));
        _mm_storeh_pd(x + t - (LANES - 1), _mm256_extractf128_pd(y, 1));
    }
    _mm256_storeu_pd(g->s1, s1);
    _mm256_storeu_pd(g->s2, s2);
    _mm256_storeu_pd(last, y);
    lead_out(g, x, n, LANES, last);
}

TARGET static void run_wave8(Group *g, double *x, Py_ssize_t n)
{
    if (n < MAX_LANES) {
        run_short(g, x, n);
        return;
    }
    double last[MAX_LANES];
    lead_in(g, x, MAX_LANES, last);
    const __m256d b0l = _mm256_loadu_pd(g->b0), b0h = _mm256_loadu_pd(g->b0 + 4);
    const __m256d b1l = _mm256_loadu_pd(g->b1), b1h = _mm256_loadu_pd(g->b1 + 4);
    const __m256d b2l = _mm256_loadu_pd(g->b2), b2h = _mm256_loadu_pd(g->b2 + 4);
    const __m256d a1l = _mm256_loadu_pd(g->a1), a1h = _mm256_loadu_pd(g->a1 + 4);
    const __m256d a2l = _mm256_loadu_pd(g->a2), a2h = _mm256_loadu_pd(g->a2 + 4);
    __m256d s1l = _mm256_loadu_pd(g->s1), s1h = _mm256_loadu_pd(g->s1 + 4);
    __m256d s2l = _mm256_loadu_pd(g->s2), s2h = _mm256_loadu_pd(g->s2 + 4);
    __m256d yl = _mm256_loadu_pd(last), yh = _mm256_loadu_pd(last + 4);
    for (Py_ssize_t t = MAX_LANES - 1; t < n; t++) {
        const __m256d turned = _mm256_permute4x64_pd(yl, 0x93); /* y3 y0 y1 y2 */
        const __m256d inl = _mm256_blend_pd(turned, _mm256_broadcast_sd(x + t), 1);
        const __m256d inh = _mm256_blend_pd(_mm256_permute4x64_pd(yh, 0x90), turned, 1);
        yl = _mm256_fmadd_pd(b0l, inl, s1l);
        yh = _mm256_fmadd_pd(b0h, inh, s1h);
        s1l = _mm256_fnmadd_pd(a1l, yl, _mm256_fmadd_pd(b1l, inl, s2l));
        s1h = _mm256_fnmadd_pd(a1h, yh, _mm256_fmadd_pd(b1h, inh, s2h));
        s2l = _mm256_fnmadd_pd(a2l, yl, _mm256_mul_pd(b2l, inl));
        s2h = _mm256_fnmadd_pd(a2h, yh, _mm256_mul_pd(b2h, inh));
        _mm_storeh_pd(x + t - (MAX_LANES - 1), _mm256_extractf128_pd(yh, 1));
    }
    _mm256_storeu_pd(g->s1, s1l);
    _mm256_storeu_pd(g->s1 + 4, s1h);
    _mm256_storeu_pd(g->s2, s2l);
    _mm256_storeu_pd(g->s2 + 4, s2h);
    _mm256_storeu_pd(last, yl);
    _mm256_storeu_pd(last + 4, yh);
    lead_out(g, x, n, MAX_LANES, last);
}

int cpu_has_wavefront(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

int cpu_has_wavefront(void)
{
    return 0;
}

#endif

static Kernel kernel_for(const Group *group, int wavefront)
{
#ifdef HAVE_WAVEFRONT
    if (wavefront)
        return group->sections <= LANES ? run_wave4 : run_wave8;
#else
    (void)group;
#endif
    (void)wavefront;
    return run_scalar;
}

/* A state too small to hear, or one that is no number any more, starts again from zero. */
static void mend(Group *group)
{
    for (int k = 0; k < group->sections; k++) {
        const double size = fabs(group->s1[k]) + fabs(group->s2[k]);
        if (!(size <= DBL_MAX) || size < 1e-200)
            group->s1[k] = group->s2[k] = 0.0;
    }
}

void run_groups(Group *groups, Py_ssize_t count, int wavefront, float *samples, Py_ssize_t n)
{
    double x[CHUNK];
    const unsigned long long unit = flush_subnormals();
    while (n > 0) {
        const Py_ssize_t length = n < CHUNK ? n : CHUNK;
        for (Py_ssize_t i = 0; i < length; i++) /* NaN and infinity come in as silence */
            x[i] = fabsf(samples[i]) <= FLT_MAX ? (double)samples[i] : 0.0;
        for (Py_ssize_t i = 0; i < count; i++) {
            kernel_for(&groups[i], wavefront)(&groups[i], x, length);
            mend(&groups[i]);
        }
        for (Py_ssize_t i = 0; i < length; i++) {
            const double y = x[i] < -FLT_MAX ? -FLT_MAX : x[i] > FLT_MAX ? FLT_MAX : x[i];
            samples[i] = y == y ? (float)y : 0.0f;
        }
        samples += length;
        n -= length;
    }
    restore_subnormals(unit);
}
