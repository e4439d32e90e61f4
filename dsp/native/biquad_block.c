/* A short cascade as one state space, eight samples at once (AVX2).
 *
 * With z the states of all its sections and x, y eight samples,
 *
 *     y  = O z + T x        T lower triangular Toeplitz: the impulse response
 *     z' = P z + Q x        P the eighth power of the transition matrix
 *
 * (block state space: Barnes and Leung, "Minimum Roundoff and Block State-Space Digital Filters", 1980; the
 * columns are the responses of the cascade to each state and input alone). It waits for z once in eight
 * samples, at (S^2 + 8 S) / 8 + S + 8 multiply-adds a sample for S states: less than a wavefront takes up to
 * two sections, more beyond. P is a power of a stable matrix, so it magnifies rounding no more than
 * eight steps do.
 *
 * A block that is not full at the end of a call is computed with zeros for what is to come, which T keeps
 * out of the outputs so far. Its inputs are kept, and the next call computes it again: the same operations
 * for each sample wherever a call ends.
 */
#include "biquad.h"

#include <math.h>
#include <string.h>

#ifdef BIQUAD_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE __attribute__((always_inline)) static inline

/* Numbers in the matrices beyond which products of a few of them may overflow. */
static const double LARGEST = 1e100;

static void clear_past(State *state)
{
    memset(state, 0, sizeof *state);
}

/* Runs BLOCK samples; stores the states of *sections* in the order s1, s2 of each; 0 if they are too large. */
static int respond(const Group *g, State *state, double *x, double *states)
{
    int usable = 1;
    run_scalar(g, state, x, BLOCK);
    for (int i = 0; i < BLOCK; i++)
        usable &= fabs(x[i]) < LARGEST;
    for (int k = 0; k < g->sections; k++) {
        states[2 * k] = state->s1[k];
        states[2 * k + 1] = state->s2[k];
        usable &= fabs(state->s1[k]) < LARGEST && fabs(state->s2[k]) < LARGEST;
    }
    return usable;
}

int prepare_block(Group *g)
{
    int usable = 1;
    State state;
    for (int k = 0; k < g->sections; k++)
        for (int j = 0; j < 2; j++) {
            clear_past(&state);
            (j == 0 ? state.s1 : state.s2)[k] = 1.0;
            memset(g->output_state[2 * k + j], 0, sizeof g->output_state[0]);
            usable &= respond(g, &state, g->output_state[2 * k + j], g->state_state[2 * k + j]);
        }
    for (int i = 0; i < BLOCK; i++) {
        clear_past(&state);
        memset(g->output_input[i], 0, sizeof g->output_input[i]);
        g->output_input[i][i] = 1.0;
        usable &= respond(g, &state, g->output_input[i], g->state_input[i]);
    }
    return usable;
}

void settle_block(const Group *group, State *state)
{
    if (state->pending_count > 0) {
        run_scalar(group, state, state->pending, state->pending_count);
        memset(state->pending, 0, sizeof state->pending);
        state->pending_count = 0;
    }
}

#define TO_ALL(v, lane) _mm256_permute4x64_pd((v), (lane)*0x55)

/* The outputs *y* of the block that begins with the state *z* and has the inputs *x*. */
INLINE TARGET void outputs(const Group *g, __m256d z, const double *x, double *y, int states)
{
    const __m256d z0 = TO_ALL(z, 0), z1 = TO_ALL(z, 1);
    __m256d first = _mm256_mul_pd(_mm256_loadu_pd(g->output_input[0]), _mm256_broadcast_sd(x));
    __m256d second = _mm256_mul_pd(_mm256_loadu_pd(g->output_input[0] + 4), _mm256_broadcast_sd(x));
    for (int i = 1; i < 4; i++) {
        const __m256d in = _mm256_broadcast_sd(x + i);
        first = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_input[i]), in, first);
        second = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_input[i] + 4), in, second);
    }
    for (int i = 4; i < BLOCK; i++)
        second = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_input[i] + 4), _mm256_broadcast_sd(x + i), second);
    first = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[0]), z0, first);
    second = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[0] + 4), z0, second);
    first = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[1]), z1, first);
    second = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[1] + 4), z1, second);
    if (states > 2) {
        const __m256d z2 = TO_ALL(z, 2), z3 = TO_ALL(z, 3);
        first = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[2]), z2, first);
        second = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[2] + 4), z2, second);
        first = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[3]), z3, first);
        second = _mm256_fmadd_pd(_mm256_loadu_pd(g->output_state[3] + 4), z3, second);
    }
    _mm256_storeu_pd(y, first);
    _mm256_storeu_pd(y + 4, second);
}

/* The state after the block. The inputs come first: they wait for nothing. */
INLINE TARGET __m256d next(const Group *g, __m256d z, const double *x, int states)
{
    __m256d sum = _mm256_mul_pd(_mm256_loadu_pd(g->state_input[0]), _mm256_broadcast_sd(x));
    for (int i = 1; i < BLOCK; i++)
        sum = _mm256_fmadd_pd(_mm256_loadu_pd(g->state_input[i]), _mm256_broadcast_sd(x + i), sum);
    sum = _mm256_fmadd_pd(_mm256_loadu_pd(g->state_state[0]), TO_ALL(z, 0), sum);
    sum = _mm256_fmadd_pd(_mm256_loadu_pd(g->state_state[1]), TO_ALL(z, 1), sum);
    if (states > 2) {
        const __m256d other = _mm256_mul_pd(_mm256_loadu_pd(g->state_state[2]), TO_ALL(z, 2));
        sum = _mm256_add_pd(sum, _mm256_fmadd_pd(_mm256_loadu_pd(g->state_state[3]), TO_ALL(z, 3), other));
    }
    return sum;
}

INLINE TARGET void run(const Group *g, State *state, double *x, Py_ssize_t n, int states)
{
    double packed[BLOCK_STATES] = {0.0};
    for (int k = 0; k < g->sections; k++) {
        packed[2 * k] = state->s1[k];
        packed[2 * k + 1] = state->s2[k];
    }
    __m256d z = _mm256_loadu_pd(packed);
    if (state->pending_count > 0) {
        const Py_ssize_t had = state->pending_count;
        const Py_ssize_t count = n < BLOCK - had ? n : BLOCK - had;
        double y[BLOCK];
        memcpy(state->pending + had, x, (size_t)count * sizeof *x);
        outputs(g, z, state->pending, y, states);
        memcpy(x, y + had, (size_t)count * sizeof *x);
        state->pending_count += (int)count;
        if (state->pending_count < BLOCK)
            return;
        z = next(g, z, state->pending, states);
        memset(state->pending, 0, sizeof state->pending);
        state->pending_count = 0;
        x += count;
        n -= count;
    }
    for (; n >= BLOCK; n -= BLOCK, x += BLOCK) {
        double y[BLOCK];
        outputs(g, z, x, y, states);
        z = next(g, z, x, states);
        memcpy(x, y, sizeof y);
    }
    if (n > 0) {
        double y[BLOCK];
        memcpy(state->pending, x, (size_t)n * sizeof *x);
        state->pending_count = (int)n;
        outputs(g, z, state->pending, y, states);
        memcpy(x, y, (size_t)n * sizeof *x);
    }
    _mm256_storeu_pd(packed, z);
    for (int k = 0; k < g->sections; k++) {
        state->s1[k] = packed[2 * k];
        state->s2[k] = packed[2 * k + 1];
    }
}

TARGET void run_block(const Group *group, State *state, double *x, Py_ssize_t n)
{
    if (group->sections == 1)
        run(group, state, x, n, 2);
    else
        run(group, state, x, n, 4);
}

int has_block(void)
{
    return has_wavefront();
}

#else

int has_block(void)
{
    return 0;
}

int prepare_block(Group *group)
{
    (void)group;
    return 0;
}

void run_block(const Group *group, State *state, double *x, Py_ssize_t n)
{
    run_scalar(group, state, x, n);
}

void settle_block(const Group *group, State *state)
{
    (void)group;
    (void)state;
}

#endif
