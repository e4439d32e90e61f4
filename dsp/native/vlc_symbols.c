/* VLC, one packet: bits <-> symbols (docs/vlc-format.md, "Voiced flags and f0", "Coefficients"). */
#include "vlc_packet.h"

#include <string.h>

/* Exp-Golomb code of order 0, cut at ESCAPE_BITS. */
static void write_excess(RangeEncoder *out, unsigned excess)
{
    unsigned value = excess + 1;
    int bits = 0;
    while (bits < ESCAPE_BITS && value >> (bits + 1))
        bits++;
    for (int i = 0; i < bits; i++)
        range_write_bit(out, 1);
    if (bits < ESCAPE_BITS)
        range_write_bit(out, 0);
    for (int i = bits - 1; i >= 0; i--)
        range_write_bit(out, (int)(value >> i & 1));
}

static unsigned read_excess(RangeDecoder *in)
{
    int bits = 0;
    while (bits < ESCAPE_BITS && range_read_bit(in))
        bits++;
    unsigned value = 1;
    for (int i = 0; i < bits; i++)
        value = value << 1 | (unsigned)range_read_bit(in);
    return value - 1;
}

static int move_context(int move)
{
    int size = move < 0 ? -move : move;
    return size <= 1 ? 0 : size < 4 ? 1 : 2;
}

void vlc_write_f0(const VlcTables *c, RangeEncoder *out, const int *f0)
{
    int before = 2, last = -1, move = 0;
    for (int m = 0; m < c->frames / 2; m++) {
        int voiced = f0[m] >= 0;
        range_write(out, c->flag_cdf + 3 * before, voiced);
        before = voiced;
        if (!voiced)
            continue;
        if (last < 0) {
            range_write(out, c->f0_cdf, f0[m]);
            last = f0[m];
        } else {
            int next = f0[m] - last;
            next = next < -15 ? -15 : next > 15 ? 15 : next;
            range_write(out, c->move_cdf + (F0_MOVES + 1) * move_context(move), next + 15);
            last += move = next;
        }
    }
}

void vlc_read_f0(const VlcTables *c, RangeDecoder *in, int32_t *f0)
{
    int before = 2, last = -1, move = 0;
    for (int m = 0; m < c->frames / 2; m++) {
        int voiced = range_read(in, c->flag_cdf + 3 * before, 2);
        before = voiced;
        f0[m] = -1;
        if (!voiced)
            continue;
        if (last < 0) {
            last = range_read(in, c->f0_cdf, F0_LEVELS);
        } else {
            move = range_read(in, c->move_cdf + (F0_MOVES + 1) * move_context(move), F0_MOVES) - 15;
            last += move;
            last = last < 0 ? 0 : last >= F0_LEVELS ? F0_LEVELS - 1 : last;
        }
        f0[m] = last;
    }
}

void vlc_write_coefficients(const VlcTables *c, RangeEncoder *out, const VlcCoefficients *x, int step)
{
    const int S = c->magnitudes;
    for (int k = 0; k < c->frames; k++)
        for (int d = k == 0; d < c->width; d++) {
            int class = vlc_class(c, k, d, step), context = vlc_context(c, x, k, d);
            int q = x->q[k][d], m = q < 0 ? -q : q;
            range_write(out, c->cdf + (class * c->contexts + context) * (S + 1), m < S - 1 ? m : S - 1);
            if (m >= S - 1)
                write_excess(out, (unsigned)(m - (S - 1)));
            if (m)
                range_write_bit(out, q < 0);
        }
}

void vlc_read_coefficients(const VlcTables *c, RangeDecoder *in, VlcCoefficients *x, int step)
{
    const int S = c->magnitudes;
    memset(x, 0, sizeof *x);
    for (int k = 0; k < c->frames; k++)
        for (int d = k == 0; d < c->width; d++) {
            int class = vlc_class(c, k, d, step), context = vlc_context(c, x, k, d);
            int m = range_read(in, c->cdf + (class * c->contexts + context) * (S + 1), S);
            if (m == S - 1)
                m += (int)read_excess(in);
            if (m)
                vlc_put(x, k, d, range_read_bit(in) ? -m : m);
        }
}
