/* The sub-bands of G.722 (g722_band.c), for its encoder and decoder (g722.c). */
#ifndef DSP_G722_H
#define DSP_G722_H

#include <stdint.h>

enum { G722_ZEROS = 6 };

/* State of one sub-band, the same in an encoder and the decoder that hears it. */
typedef struct {
    int32_t s, sz;               /* signal estimate, and the part of it by the zeros */
    int32_t a[2], b[G722_ZEROS]; /* pole and zero coefficients */
    int32_t r[2], p[2];          /* reconstructed and partially reconstructed signal, newest first */
    int32_t d[G722_ZEROS];       /* difference signal, likewise */
    int32_t nb, det;             /* scale factor of the quantizers: its logarithm and itself */
} G722Band;

static inline int32_t within(int32_t value, int32_t least, int32_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* Limits to 16 bits. */
static inline int32_t sat(int32_t value)
{
    return within(value, -32768, 32767);
}

/* Puts both sub-bands into the state of a reset. */
void g722_clear(G722Band *low, G722Band *high);

/* Code of the sample *x* of a sub-band: six bits of the lower, two of the higher. Changes nothing. */
int32_t g722_quantize_low(const G722Band *v, int32_t x);
int32_t g722_quantize_high(const G722Band *v, int32_t x);

/* Difference that six bits of the lower sub-band stand for. Changes nothing. */
int32_t g722_difference_low(const G722Band *v, int32_t code);

/* Adapts scale factor and predictor to the code, as both ends do; the higher returns its difference. */
void g722_adapt_low(G722Band *v, int32_t code);
int32_t g722_adapt_high(G722Band *v, int32_t code);

#endif
