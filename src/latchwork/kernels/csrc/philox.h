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

// The first of the four words for the counters (unit, row, step, stream), in the lower halves of the lanes.
inline Lanes<double>::U philox_word(uint64_t seed, Lanes<double>::U unit, uint32_t row, uint32_t step,
                                    uint32_t stream) {
    typedef Lanes<double>::U U;
    const U zero{};
    U a = unit, b = zero + row, c = zero + step, d = zero + stream;
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const U p0 = multiply_low(a, zero + 0xD2511F53u);
        const U p1 = multiply_low(c, zero + 0xCD9E8D57u);
        a = (p1 >> 32) ^ b ^ k0;
        b = p1;
        c = (p0 >> 32) ^ d ^ k1;
        d = p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    return a;
}

template <class T>
struct Philox;

template <>
struct Philox<float> {
    // Even units in one vector, odd units in another, so that they come together without shuffling.
    static Lanes<float>::U words(uint64_t seed, uint32_t unit0, uint32_t row, uint32_t step, uint32_t stream) {
        typedef Lanes<double>::U U;
        U lane;
        for (int i = 0; i < width<double>; i++) {
            lane[i] = 2 * i;
        }
        constexpr uint64_t low = 0xFFFFFFFF;
        const U even = philox_word(seed, lane + unit0, row, step, stream);
        const U odd = philox_word(seed, lane + unit0 + 1, row, step, stream);
        return (Lanes<float>::U)((even & low) | (odd << 32));
    }
};

template <>
struct Philox<double> {
    static Lanes<double>::U words(uint64_t seed, uint32_t unit0, uint32_t row, uint32_t step, uint32_t stream) {
        typedef Lanes<double>::U U;
        U lane;
        for (int i = 0; i < width<double>; i++) {
            lane[i] = i;
        }
        constexpr uint64_t low = 0xFFFFFFFF;
        return philox_word(seed, lane + unit0, row, step, stream) & low;
    }
};

// 1 with probability threshold / 2^32, else 0, for the units unit0 ... unit0 + W - 1.
template <class T>
inline typename Lanes<T>::V bernoulli(uint64_t seed, uint32_t unit0, uint32_t row, uint32_t step, uint32_t stream,
                                      uint64_t threshold) {
    typedef typename Lanes<T>::U U;
    const U words = Philox<T>::words(seed, unit0, row, step, stream);
    const auto most = threshold - 1;  // compared with <=, a threshold of 2^32 is a 32-bit number too; 0 is not
    const typename Lanes<T>::V zero{}, one = splat<T>(threshold > 0);
    return (words <= U{} + (decltype(+words[0]))most) ? one : zero;
}

}  // namespace latchwork
