/* The ADPCM of both sub-bands of G.722, encoder and decoder (ITU-T G.722 section 6.2), in its 16-bit integer
   arithmetic. Names in capitals within comments are those of the standard's sub-blocks; tables are as printed
   there.

   A product of the standard keeps the upper of 31 bits: a shift to the right that rounds down, which is what
   every compiler known makes of >> on a negative number. */

#include "g722.h"

#include <string.h>

/* Section 6.2.1.1, decision levels Q6 of the lower sub-band's 60 intervals, 30 of each sign. */
static const int16_t Q6[30] = {
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370,
    422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
};

/* Section 6.2.1.5, output levels QQ6 of those intervals. */
static const int16_t QQ6[30] = {
    17, 54, 91, 130, 170, 211, 254, 300, 347, 396,
    447, 501, 558, 618, 682, 750, 822, 899, 982, 1072,
    1170, 1279, 1399, 1535, 1689, 1873, 2088, 2376, 2738, 3101,
};

/* Sections 6.2.1.2 and 6.2.1.3: output levels QQ4 of the four upper bits, and what they add to the log of the
   scale factor. */
static const int16_t QQ4[8] = {0, 150, 323, 530, 786, 1121, 1612, 2557};
static const int16_t WL[8] = {-60, -30, 58, 172, 334, 538, 1198, 3042};

/* Section 6.2.2: the same of the higher sub-band, with one decision level. */
enum { Q2 = 564 };
static const int16_t QQ2[2] = {202, 926};
static const int16_t WH[2] = {-214, 798};

/* Sections 6.2.1.3 and 6.2.2.3, method 2: 2048 * 2^(i/32). */
static const int16_t ILB[32] = {
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383,
    2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371,
    3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
};

static int32_t mult(int32_t a, int32_t b)
{
    return (a * b) >> 15;
}

/* Whether SGN of two signals agree; zero counts as positive. */
static int same_sign(int32_t a, int32_t b)
{
    return (a ^ b) >= 0;
}

/* Section 6.2.1.4, block 4: reconstructs with the difference `d`, adapts and predicts the next sample. */
static void predict(G722Band *v, int32_t d)
{
    int32_t r = sat(v->s + d);  /* RECONS */
    int32_t p = sat(v->sz + d); /* PARREC */

    int32_t slope = sat(v->a[0] * 4); /* UPPOL2 */
    slope = same_sign(p, v->p[0]) ? sat(-slope) : slope;
    int32_t a2 = (slope >> 7) + (same_sign(p, v->p[1]) ? 128 : -128) + mult(v->a[1], 32512);
    a2 = within(a2, -12288, 12288);

    int32_t a1 = (same_sign(p, v->p[0]) ? 192 : -192) + mult(v->a[0], 32640); /* UPPOL1 */
    int32_t stable = 15360 - a2;
    a1 = within(a1, -stable, stable);

    int32_t step = d == 0 ? 0 : 128; /* UPZERO */
    for (int i = 0; i < G722_ZEROS; i++)
        v->b[i] = (same_sign(d, v->d[i]) ? step : -step) + mult(v->b[i], 32640);

    memmove(v->d + 1, v->d, (G722_ZEROS - 1) * sizeof v->d[0]); /* DELAYA */
    v->d[0] = d;
    v->r[1] = v->r[0];
    v->r[0] = r;
    v->p[1] = v->p[0];
    v->p[0] = p;
    v->a[0] = a1;
    v->a[1] = a2;

    int32_t sz = 0; /* FILTEZ */
    for (int i = G722_ZEROS - 1; i >= 0; i--)
        sz = sat(sz + mult(sat(2 * v->d[i]), v->b[i]));
    v->sz = sz;
    int32_t sp = sat(mult(sat(2 * v->r[0]), a1) + mult(sat(2 * v->r[1]), a2)); /* FILTEP */
    v->s = sat(sp + sz);                                                         /* PREDIC */
}

/* LOGSCL and SCALEL, LOGSCH and SCALEH: `most` and `octaves` are 18432 and 8, or 22528 and 10. */
static void scale(G722Band *v, int32_t change, int32_t most, int32_t octaves)
{
    v->nb = within(mult(v->nb, 32512) + change, 0, most);
    int32_t mantissa = ILB[(v->nb >> 6) & 31], shift = octaves - (v->nb >> 11);
    v->det = (shift < 0 ? mantissa << -shift : mantissa >> shift) * 4;
}

/* INVQAL to PREDIC of the lower sub-band: the four upper bits of its code move the predictor. */
void g722_adapt_low(G722Band *v, int32_t code)
{
    int32_t upper = code >> 2;
    int32_t interval = upper == 0 ? 0 : upper < 8 ? 8 - upper : 15 - upper;
    int32_t level = QQ4[interval] * 8;
    int32_t d = mult(v->det, upper < 8 ? -level : level);
    scale(v, WL[interval], 18432, 8);
    predict(v, d);
}

/* INVQAH to PREDIC of the higher sub-band; returns its difference signal. */
int32_t g722_adapt_high(G722Band *v, int32_t code)
{
    int32_t interval = (code & 1) == 0;
    int32_t level = QQ2[interval] * 8;
    int32_t d = mult(v->det, code < 2 ? -level : level);
    scale(v, WH[interval], 22528, 10);
    predict(v, d);
    return d;
}

/* SUBTRA and QUANTL, section 6.2.1.1. */
int32_t g722_quantize_low(const G722Band *v, int32_t x)
{
    int32_t e = sat(x - v->s), magnitude = e < 0 ? ~e : e;
    int32_t reached = 0; /* the interval, less one: the greatest whose lower bound is not above */
    for (int32_t step = 16; step > 0; step /= 2)
        if (reached + step < 30 && magnitude >= mult(Q6[reached + step] * 8, v->det))
            reached += step;
    if (e >= 0)
        return 61 - reached;
    return reached < 2 ? 63 - reached : 33 - reached;
}

/* SUBTRA and QUANTH, section 6.2.2.1. */
int32_t g722_quantize_high(const G722Band *v, int32_t x)
{
    int32_t e = sat(x - v->s), magnitude = e < 0 ? ~e : e;
    int32_t outer = magnitude >= mult(Q2 * 8, v->det);
    return (e < 0 ? 1 : 3) - outer;
}

/* INVQBL, section 6.2.1.5. Codes 0 to 3 are never sent; they mean the smallest negative difference. */
int32_t g722_difference_low(const G722Band *v, int32_t code)
{
    if (code >= 32 && code < 62)
        return mult(v->det, QQ6[61 - code] * 8);
    int32_t interval = code >= 62 ? 63 - code : code >= 4 ? 33 - code : 0;
    return mult(v->det, -QQ6[interval] * 8);
}

void g722_clear(G722Band *low, G722Band *high)
{
    memset(low, 0, sizeof *low);
    memset(high, 0, sizeof *high);
    low->det = 32; /* DETL and DETH on reset */
    high->det = 8;
}
