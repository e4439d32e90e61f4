/* What the files of the biquad cascade share: its sections, their state, and the ways to run samples through.
 *
 * A section is a second-order transfer function, kept as the state space of transposed direct form II
 * (Oppenheim and Schafer, Discrete-Time Signal Processing, 6.3.4) with the output put into the state:
 *
 *     y   = b0 x + s1
 *     s1' = h1 x + s2 - a1 s1        h1 = b1 - a1 b0
 *     s2' = h2 x      - a2 s1        h2 = b2 - a2 b0
 *
 * The state is that of the transposed form; but from s1 to s1' it is one multiply-add, not two.
 */
#ifndef DSP_BIQUAD_H
#define DSP_BIQUAD_H

#include "native.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define BIQUAD_X86 1
#endif

enum {
    LANES = 8,          /* sections of a group */
    BLOCK_SECTIONS = 2, /* at most, of a group in block form: up to there it takes the least time */
    BLOCK_STATES = 2 * BLOCK_SECTIONS,
    BLOCK = 8,    /* samples that the block form computes at once */
    PADDING = 32, /* items beyond the samples that a run may read */
};

typedef struct Group Group;
typedef struct State State;

/* Filters the *n* >= 1 samples *x* in place through the sections of *group*. */
typedef void (*Run)(const Group *group, State *state, double *x, Py_ssize_t n);

/* Up to eight sections, field-wise, filled up with sections that change nothing. */
struct Group {
    double b0[LANES], h1[LANES], h2[LANES], a1[LANES], a2[LANES];
    int sections; /* in use */
    Run run;
    /* Block form only, column-major, rows padded with zeros: outputs by states, outputs by inputs, next
     * states by states, next states by inputs. */
    double output_state[BLOCK_STATES][BLOCK], output_input[BLOCK][BLOCK];
    double state_state[BLOCK_STATES][BLOCK_STATES], state_input[BLOCK][BLOCK_STATES];
};

/* The past of one group in one channel. */
struct State {
    double s1[LANES], s2[LANES];
    /* Wavefront only, once it has begun: what s2 would be made of, and s2 is zero. */
    double s1_before[LANES], x_before[LANES];
    int begun;
    /* Block form only: inputs after s1 and s2 that fill no block yet, then zeros. */
    double pending[BLOCK];
    int pending_count;
};

typedef enum { PATH_AUTO, PATH_SCALAR, PATH_AVX2, PATH_AVX512, PATH_BLOCK, PATHS } Path;

/* One sample after the other, section by section. */
void run_scalar(const Group *group, State *state, double *x, Py_ssize_t n);

/* Lanes are sections (biquad_wavefront.c, biquad_wavefront512.c). */
int has_wavefront(void);
void run_wavefront4(const Group *group, State *state, double *x, Py_ssize_t n);
void run_wavefront8(const Group *group, State *state, double *x, Py_ssize_t n);
int has_wavefront512(void);
void run_wavefront512(const Group *group, State *state, double *x, Py_ssize_t n);

/* The first sample after s1 and s2 were set: from then on s2 is kept as what it is made of. The other one
 * puts the past into s1 and s2 again. */
void begin_wavefront(const Group *group, State *state, double *x);
void settle_wavefront(const Group *group, State *state);

/* Eight samples at once (biquad_block.c). *prepare_block* computes the matrices of *group*; 0 if they hold
 * numbers so large that the form is of no use. *settle_block* takes the pending inputs into s1 and s2. */
int has_block(void);
int prepare_block(Group *group);
void run_block(const Group *group, State *state, double *x, Py_ssize_t n);
void settle_block(const Group *group, State *state);

/* Filters *samples* in place through *count* groups, one after the other. */
void run_groups(const Group *groups, State *states, Py_ssize_t count, float *samples, Py_ssize_t n);

#endif
