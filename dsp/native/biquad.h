/* What the two files of the biquad cascade share: its sections, and what runs samples through them. */
#ifndef DSP_BIQUAD_H
#define DSP_BIQUAD_H

#include "native.h"

enum {
    MAX_LANES = 8,
};

/* One group of up to eight sections, field-wise, filled up with sections that change nothing. */
typedef struct {
    double b0[MAX_LANES], b1[MAX_LANES], b2[MAX_LANES], a1[MAX_LANES], a2[MAX_LANES];
    double s1[MAX_LANES], s2[MAX_LANES];
    int sections; /* in use */
} Group;

/* Whether this CPU has the vector path. */
int cpu_has_wavefront(void);

/* Filters *samples* in place through *count* groups, one after the other. */
void run_groups(Group *groups, Py_ssize_t count, int wavefront, float *samples, Py_ssize_t n);

#endif
