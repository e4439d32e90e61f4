/* Exponential, logarithm and sine in float32, without branches and calls, so that loops of them become vectors. */
#ifndef DSP_VECTOR_MATH_H
#define DSP_VECTOR_MATH_H

#include "vector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Nearest whole number of what is below 2^22 in size: adding 1.5 * 2^23 leaves no bits for a fraction. */
VECTOR_BODY static inline float nearest(float x)
{
    return (x + 12582912.0f) - 12582912.0f;
}

/* 2^x, relative error 2e-7; beyond -126 .. 126 the exponent stays there. |x| below 2^21. Taylor's series of
 * exp(x ln 2) within half a unit. */
VECTOR_BODY static inline float power_of_two(float x)
{
    const float whole = nearest(x), t = (x - whole) * 0.69314718f;
    const float series =
        1.0f + t * (1.0f + t * (0.5f + t * (0.16666667f + t * (0.041666667f + t * (0.0083333333f + t * 0.0013888889f)))));
    int32_t exponent = (int32_t)whole;
    exponent = exponent < -126 ? -126 : exponent;
    exponent = exponent > 126 ? 126 : exponent;
    const int32_t bits = (exponent + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return series * scale;
}

/* log2 of a normal positive number, absolute error 1e-6: the series of 2 artanh((m - 1) / (m + 1)), m from 0.71 to 1.41. */
VECTOR_BODY static inline float logarithm(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int32_t exponent = (bits - 0x3f3504f3) >> 23;
    bits -= (int32_t)((uint32_t)exponent << 23);
    float m;
    memcpy(&m, &bits, sizeof m);
    const float t = (m - 1.0f) / (m + 1.0f), u = t * t;
    const float series = 1.0f + u * (0.33333333f + u * (0.2f + u * (0.14285714f + u * 0.11111111f)));
    return (float)exponent + 2.8853901f * t * series;
}

/* sin(2 pi x), absolute error 4e-7 times the size of x if that exceeds 1; |x| below 2^20. */
VECTOR_BODY static inline float sine_of_turns(float x)
{
    x -= nearest(x);
    /* Fold to a quarter turn: sin(2 pi x) = sin(pi - 2 pi x). */
    const float folded = 0.25f - fabsf(fabsf(x) - 0.25f);
    const float t = 6.2831853f * folded, u = t * t;
    const float series =
        t * (1.0f + u * (-0.16666667f + u * (0.0083333333f + u * (-1.9841270e-4f + u * (2.7557319e-6f - u * 2.5052108e-8f)))));
    return copysignf(series, x);
}

#endif
