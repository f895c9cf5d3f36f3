// Random masks from a counter: Philox4x32-10, the same numbers as latchwork/reference/philox.py, for W units at once.
//
// A word takes the lower half of a 64-bit lane, because that is how vectors multiply 32 bits by 32 into 64. The product's
// lower half is the next round's word as it stands; what is in the upper half of a lane is never looked at.
#pragma once

#include <cstdint>

#include "vector.h"

namespace latchwork {

// The 64-bit products of the lower halves of the lanes. Written out, it would become a multiplication of 64 by 64 bits.
inline Lanes<double>::U multiply_low(Lanes<double>::U a, Lanes<double>::U b) {
    typedef Lanes<double>::U U;
#if defined(__AVX__)
    U product;
    __asm__("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "vm"(b));
    return product;
#elif defined(__SSE2__)
    U product = a;
    __asm__("pmuludq %1, %0" : "+x"(product) : "x"(b));
    return product;
#elif defined(__aarch64__)
    typedef uint32_t Half __attribute__((vector_size(vector_bytes / 2)));
    const Half x = __builtin_convertvector(a, Half), y = __builtin_convertvector(b, Half);
    U product;
    __asm__("umull %0.2d, %1.2s, %2.2s" : "=w"(product) : "w"(x), "w"(y));
    return product;
#else
    constexpr uint64_t low = 0xFFFFFFFF;
    return U((a & low) * (b & low));
#endif
}

// The first of the four words for the counters (unit, row, step, stream), in the lower halves of the lanes, in place of
// the units. Several vectors go through the rounds together, for each round waits for the one before.
template <int N>
inline void philox(uint64_t seed, Lanes<double>::U (&unit)[N], uint32_t row, uint32_t step, uint32_t stream) {
    typedef Lanes<double>::U U;
    const U zero{};
    U b[N], c[N], d[N];
    for (int i = 0; i < N; i++) {
        b[i] = zero + row;
        c[i] = zero + step;
        d[i] = zero + stream;
    }
    U k0 = zero + uint32_t(seed), k1 = zero + (seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < N; i++) {
            const U p0 = multiply_low(unit[i], zero + 0xD2511F53u);
            const U p1 = multiply_low(c[i], zero + 0xCD9E8D57u);
            unit[i] = (p1 >> 32) ^ b[i] ^ k0;
            b[i] = p1;
            c[i] = (p0 >> 32) ^ d[i] ^ k1;
            d[i] = p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

// 1 with probability threshold / 2^32, else 0, for the units unit0 ... unit0 + W - 1.
template <class T>
inline typename Lanes<T>::V bernoulli(uint64_t seed, uint32_t unit0, uint32_t row, uint32_t step, uint32_t stream,
                                      uint64_t threshold) {
    typedef Lanes<double>::U U;
    typedef typename Lanes<T>::U Word;
    constexpr int N = 8 / sizeof(T);  // 2 for float: even units in one vector, odd units in the other
    U word[N];
    for (int i = 0; i < N; i++) {
        for (int lane = 0; lane < width<double>; lane++) {
            word[i][lane] = uint64_t(N * lane + i);
        }
        word[i] += unit0;
    }
    philox<N>(seed, word, row, step, stream);
    U words = word[0] & 0xFFFFFFFF;
    if (N == 2) {
        words |= word[N - 1] << 32;
    }
    // Up to and with threshold - 1, because a threshold of 2^32 has no place in 32 bits.
    const Word last = Word{} + decltype(+Word{}[0])(threshold - 1);
    const typename Lanes<T>::V zero{};
    return ((Word)words <= last) ? splat<T>(threshold > 0) : zero;
}

}  // namespace latchwork
