/* Range coder of VLC (docs/vlc-format.md, "Range coder"): 32-bit range, carries into bytes already written, 15-bit
   totals. After G. N. N. Martin, "Range encoding", 1979.

   Bytes after the last count as zero, so trailing zeros are not sent; any bytes decode to something. */
#ifndef DSP_VLC_RANGE_H
#define DSP_VLC_RANGE_H

#include <stddef.h>
#include <stdint.h>

enum { RANGE_BITS = 15, RANGE_TOTAL = 1 << RANGE_BITS };

typedef struct {
    uint64_t low;
    uint32_t range;
    uint8_t *bytes;
    size_t size, room;
} RangeEncoder;

typedef struct {
    uint32_t code, range;
    const uint8_t *bytes;
    size_t at, size;
} RangeDecoder;

static inline void range_begin_encoding(RangeEncoder *e, uint8_t *bytes, size_t room)
{
    e->low = 0;
    e->range = UINT32_MAX;
    e->bytes = bytes;
    e->size = 0;
    e->room = room;
}

static inline void range_carry(RangeEncoder *e)
{
    if (!(e->low >> 32))
        return;
    e->low &= UINT32_MAX;
    for (size_t i = e->size; i-- > 0 && ++e->bytes[i] == 0;)
        ;
}

static inline void range_narrow(RangeEncoder *e, uint32_t unit, uint32_t from, uint32_t count)
{
    e->low += (uint64_t)unit * from;
    e->range = unit * count;
    range_carry(e);
    while (e->range < 1u << 24) {
        if (e->size < e->room)
            e->bytes[e->size++] = (uint8_t)(e->low >> 24);
        e->low = e->low << 8 & UINT32_MAX;
        e->range <<= 8;
    }
}

/* *cdf*: first 0, last RANGE_TOTAL. */
static inline void range_write(RangeEncoder *e, const int32_t *cdf, int symbol)
{
    range_narrow(e, e->range >> RANGE_BITS, (uint32_t)cdf[symbol], (uint32_t)(cdf[symbol + 1] - cdf[symbol]));
}

static inline void range_write_flat(RangeEncoder *e, int symbols, int symbol)
{
    range_narrow(e, e->range / (uint32_t)symbols, (uint32_t)symbol, 1);
}

static inline void range_write_bit(RangeEncoder *e, int bit)
{
    range_narrow(e, e->range >> 1, (uint32_t)bit, 1);
}

/* Writes the shortest bytes that any decoder reads as this interval; returns the size without trailing zeros. */
static inline size_t range_finish(RangeEncoder *e)
{
    uint64_t top = e->low + e->range - 1;
    for (int bits = 32; bits >= 0; bits -= 8) {
        uint64_t mask = ((uint64_t)1 << bits) - 1, value = (e->low + mask) & ~mask;
        if (value > top)
            continue;
        e->low = value;
        range_carry(e);
        for (int shift = 24; shift >= bits; shift -= 8)
            if (e->size < e->room)
                e->bytes[e->size++] = (uint8_t)(e->low >> shift);
        break;
    }
    while (e->size > 0 && e->bytes[e->size - 1] == 0)
        e->size--;
    return e->size;
}

static inline uint32_t range_next_byte(RangeDecoder *d)
{
    return d->at < d->size ? d->bytes[d->at++] : 0;
}

static inline void range_begin_decoding(RangeDecoder *d, const uint8_t *bytes, size_t size)
{
    d->bytes = bytes;
    d->size = size;
    d->at = 0;
    d->range = UINT32_MAX;
    d->code = 0;
    for (int i = 0; i < 4; i++)
        d->code = d->code << 8 | range_next_byte(d);
}

static inline void range_consume(RangeDecoder *d, uint32_t unit, uint32_t from, uint32_t count)
{
    d->code -= unit * from;
    d->range = unit * count;
    while (d->range < 1u << 24) {
        d->code = d->code << 8 | range_next_byte(d);
        d->range <<= 8;
    }
}

/* What lies above the last symbol (no encoder writes it) is read as the last one. */
static inline uint32_t range_place(const RangeDecoder *d, uint32_t unit, uint32_t total)
{
    uint32_t place = d->code / unit;
    return place < total ? place : total - 1;
}

static inline int range_read(RangeDecoder *d, const int32_t *cdf, int symbols)
{
    uint32_t unit = d->range >> RANGE_BITS, place = range_place(d, unit, RANGE_TOTAL);
    int symbol = 0;
    while (symbol < symbols - 1 && (uint32_t)cdf[symbol + 1] <= place)
        symbol++;
    range_consume(d, unit, (uint32_t)cdf[symbol], (uint32_t)(cdf[symbol + 1] - cdf[symbol]));
    return symbol;
}

static inline int range_read_flat(RangeDecoder *d, int symbols)
{
    uint32_t unit = d->range / (uint32_t)symbols, symbol = range_place(d, unit, (uint32_t)symbols);
    range_consume(d, unit, symbol, 1);
    return (int)symbol;
}

static inline int range_read_bit(RangeDecoder *d)
{
    return range_read_flat(d, 2);
}

#endif
