/* Linear prediction after Burg. */
#ifndef DSP_BURG_H
#define DSP_BURG_H

#include <stddef.h>

enum {
    BURG_MAX_ORDER = 40,
    BURG_PADDING = 52,
};

/* Coefficients a[0] = 1 .. a[order] of the filter that leaves the least of the n samples of *x*, forward and backward
 * together. x and *scratch* (n) are destroyed, but for the BURG_PADDING zeros that must lie behind the samples of x.
 * Returns 0, or -1 for samples without energy. */
int burg(double *x, double *scratch, size_t n, size_t order, double *a);

#endif
