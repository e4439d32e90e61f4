/* Biquads sample by sample: the path of every CPU.
 *
 * Section after section over a whole block would wait for each section's own last output. With the samples
 * outside and the sections inside, an out-of-order CPU overlaps several samples by itself.
 */
#include "biquad.h"

void run_scalar(const Group *g, State *s, double *x, Py_ssize_t n)
{
    const int sections = g->sections;
    for (Py_ssize_t i = 0; i < n; i++) {
        double in = x[i];
        for (int k = 0; k < sections; k++) {
            const double s1 = s->s1[k];
            const double y = g->b0[k] * in + s1;
            s->s1[k] = (g->h1[k] * in + s->s2[k]) - g->a1[k] * s1;
            s->s2[k] = g->h2[k] * in - g->a2[k] * s1;
            in = y;
        }
        x[i] = in;
    }
}
