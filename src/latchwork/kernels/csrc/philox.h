// Random masks from a counter: Philox4x32-10, the same numbers as latchwork/reference/philox.py, for W units at once.
//
// A counter gives four words, for four units that follow each other, so W units take W / 4 counters. A word takes the
// lower half of a 64-bit lane, because that is how vectors multiply 32 bits by 32 into 64. The product's lower half is
// the next round's word as it stands; what is in the upper half of a lane is never looked at.
#pragma once

#include <cstdint>
#include <utility>

#include "vector.h"

namespace latchwork {

// N counters' words, a lane each; one alone is a plain number.
template <int N>
struct Words {
    typedef uint64_t U __attribute__((vector_size(8 * N)));
};

template <>
struct Words<1> {
    typedef uint64_t U;
};

// The 64-bit products of the lower halves of the lanes. Written out, it would become a multiplication of 64 by 64 bits.
template <class U>
inline U multiply_low(U a, U b) {
#if defined(__AVX__)
    if constexpr (sizeof(U) > 8) {
        U product;
        __asm__("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "vm"(b));
        return product;
    }
#endif
    constexpr uint64_t low = 0xFFFFFFFF;
    return U((a & low) * (b & low));
}

// The four words for each of the counters (quad, row, step, stream), in the lower halves of the lanes.
template <class U>
struct Philox {
    U a, b, c, d;

    Philox(uint64_t seed, U quad, uint32_t row, uint32_t step, uint32_t stream)
        : a(quad), b(U{} + row), c(U{} + step), d(U{} + stream) {
        U k0 = U{} + uint32_t(seed), k1 = U{} + (seed >> 32);
        for (int round = 0; round < 10; round++) {
            const U p0 = multiply_low(a, U{} + 0xD2511F53u);
            const U p1 = multiply_low(c, U{} + 0xCD9E8D57u);
            a = (p1 >> 32) ^ b ^ k0;
            b = p1;
            c = (p0 >> 32) ^ d ^ k1;
            d = p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
    }
};

// The first lane of each, the second of each, and so on.
template <int N, int... L>
inline typename Words<2 * N>::U interleaved(typename Words<N>::U a, typename Words<N>::U b,
                                            std::integer_sequence<int, L...>) {
    if constexpr (N == 1) {
        return typename Words<2>::U{a, b};
    } else {
        return typename Words<2 * N>::U{(L % 2 ? b : a)[L / 2]...};
    }
}

template <int N>
inline typename Words<2 * N>::U interleaved(typename Words<N>::U a, typename Words<N>::U b) {
    return interleaved<N>(a, b, std::make_integer_sequence<int, 2 * N>{});
}

// Lanes 0, 1, 2 ...
template <class U, int... L>
inline U counted(std::integer_sequence<int, L...>) {
    return U{L...};
}

// 1 with probability threshold / 2^32, else 0, for the units unit0 ... unit0 + W - 1, where W divides unit0.
template <class T>
inline typename Lanes<T>::V bernoulli(uint64_t seed, uint32_t unit0, uint32_t row, uint32_t step, uint32_t stream,
                                      uint64_t threshold) {
    typedef typename Lanes<T>::U Word;
    constexpr int N = width<T> < 4 ? 1 : width<T> / 4;
    constexpr uint64_t low = 0xFFFFFFFF;
    typedef typename Words<N>::U U;
    const U quad = counted<U>(std::make_integer_sequence<int, N>{}) + unit0 / 4;
    const Philox<U> drawn(seed, quad, row, step, stream);
    const U a = drawn.a & low, b = drawn.b & low, c = drawn.c & low, d = drawn.d & low;
    Word words;
    if constexpr (sizeof(T) == 4) {
        words = (Word)interleaved<N>(a | drawn.b << 32, c | drawn.d << 32);
    } else if constexpr (width<T> == 2) {
        words = unit0 & 2 ? interleaved<1>(c, d) : interleaved<1>(a, b);
    } else {
        words = interleaved<2 * N>(interleaved<N>(a, c), interleaved<N>(b, d));
    }
    // Up to and with threshold - 1, because a threshold of 2^32 has no place in 32 bits.
    const Word last = Word{} + decltype(+Word{}[0])(threshold - 1);
    const typename Lanes<T>::V zero{};
    return (words <= last) ? splat<T>(threshold > 0) : zero;
}

}  // namespace latchwork
