/* One C body compiled twice: for the plain CPU, and for AVX2 where the running CPU has it.
 *
 * A kernel is written once as `VECTOR_BODY static inline ... name_body(...)` and wrapped in two functions, one of
 * them marked VECTOR_TARGET. Products and sums stay apart (-ffp-contract=off) and keep the order they are written
 * in, so both give the same bits. */
#ifndef DSP_VECTOR_H
#define DSP_VECTOR_H

#if defined(__GNUC__) || defined(__clang__)
#define VECTOR_BODY __attribute__((always_inline))
#define RESTRICT __restrict__
#else
#define VECTOR_BODY
#define RESTRICT __restrict
#endif

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HAVE_VECTOR_TARGET 1
#define VECTOR_TARGET __attribute__((target("avx2,fma")))

static inline int cpu_has_vector_target(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

static inline int cpu_has_vector_target(void)
{
    return 0;
}

#endif

#endif
