// exp, tanh, sigmoid and the other functions of the pointwise code, over whole vectors of Lanes<T>.
//
// Each is called with its type: exp<float>(x). All of them are right for infinities, NaN, zeros and denormal numbers, and
// at most 2 ulp from the correctly rounded value elsewhere; tanh 4 on machines without fused multiply-add. They count on
// `-ffp-contract=fast` where the machine has it, and on the absence of -ffast-math: adding and then subtracting `magic`
// is how they round.
//
// e^x = 2^n e^r with n = round(x / ln 2), so |r| <= ln(2) / 2, and e^r = (c + r) / (c - r) with c = r coth(r / 2): c is
// an even function and so flat that 2 coefficients are enough for float and 5 for double, and sigmoid and tanh divide
// anyway. Adding `magic` = 1.5 * 2^mantissa to x / ln 2 rounds it to a whole number *and* leaves that number in the
// lowest bits, from where a shift puts it into the exponent; the shift throws the bits of `magic` itself away. Whatever
// is to be added to the exponent is part of `magic` already.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "vector.h"

#if defined(__FMA__) || defined(__aarch64__)
#define LATCHWORK_FMA 1
#else
#define LATCHWORK_FMA 0
#endif

namespace latchwork {

template <class T>
using Vector = typename Lanes<T>::V;
template <class T>
using Mask = typename Lanes<T>::I;

template <class T>
struct Numbers;

// The polynomials are minimax fits: a Remez exchange in 60 digits (mpmath), each coefficient then rounded.
// `coth`: C of r coth(r / 2) = 2 + r^2 C(r^2) on |r| <= ln(2) / 2, with a relative error of 2^-28.7 and 2^-60.0.
// `log`: R of log((1 + s) / (1 - s)) = 2 s + s^3 R(s^2) on |s| <= (sqrt(2) - 1) / (sqrt(2) + 1), with a relative error
// of 2^-30.2 and 2^-59.5.
template <>
struct Numbers<float> {
    static constexpr int mantissa = 23;
    static constexpr int bias = 127;
    static constexpr float magic = 0x1.8p23f;
    static constexpr float per_ln2 = 0x1.715476p+0f;
    // ln 2 in two parts. Without fused multiply-add, n times the first must be exact, so it keeps 10 bits only.
    static constexpr float ln2 = LATCHWORK_FMA ? 0x1.62e43p-1f : 0x1.63p-1f;
    static constexpr float ln2_rest = LATCHWORK_FMA ? -0x1.05c61p-29f : -0x1.bd0106p-13f;
    static constexpr float ln2_short = 0x1.63p-1f;
    static constexpr float ln2_short_rest = -0x1.bd0106p-13f;
    static constexpr float coth[] = {0x1.55551ep-3f, -0x1.6aa48cp-9f};
    static constexpr float log[] = {0x1.55557ap-1f, 0x1.995e9cp-2f, 0x1.31e678p-2f};
    static constexpr float exp_least = -104, exp_most = 89;  // e^x is 0 below and infinite above
    static constexpr float tanh_most = 10;                   // tanh(x) rounds to 1 above
    static constexpr float sigmoid_least = -104, sigmoid_most = 50;
    static constexpr int sigmoid_shift = 25;
    static constexpr int32_t all_but_sign = 0x7fffffff;
    static constexpr int32_t root_half = 0x3f3504f3;  // the bits of sqrt(1/2)
};

template <>
struct Numbers<double> {
    static constexpr int mantissa = 52;
    static constexpr int bias = 1023;
    static constexpr double magic = 0x1.8p52;
    static constexpr double per_ln2 = 0x1.71547652b82fep+0;
    static constexpr double ln2 = LATCHWORK_FMA ? 0x1.62e42fefa39efp-1 : 0x1.62e42fefap-1;
    static constexpr double ln2_rest = LATCHWORK_FMA ? 0x1.abc9e3b39803fp-56 : 0x1.cf79abc9e3b39p-40;
    static constexpr double ln2_short = 0x1.62e42fefap-1;
    static constexpr double ln2_short_rest = 0x1.cf79abc9e3b39p-40;
    static constexpr double coth[] = {0x1.555555555553ep-3, -0x1.6c16c16bebb0bp-9, 0x1.1566aaf1d7eb2p-14,
                                      -0x1.bbd41af3f9f68p-20, 0x1.6375ee0a7811dp-25};
    static constexpr double log[] = {0x1.5555555555593p-1, 0x1.999999997fb31p-2, 0x1.2492494217a8bp-2, 0x1.c71c51e7f3125p-3,
                                     0x1.7466462d33713p-3, 0x1.39a0f4f5f8283p-3, 0x1.2f0d8ef234fd9p-3};
    static constexpr double exp_least = -746, exp_most = 710;
    static constexpr double tanh_most = 20;
    static constexpr double sigmoid_least = -746, sigmoid_most = 100;
    static constexpr int sigmoid_shift = 54;
    static constexpr int64_t all_but_sign = 0x7fffffffffffffff;
    static constexpr int64_t root_half = 0x3fe6a09e667f3bcd;
};

// A lane of `mask` is all ones (true) or all zeros, as a comparison leaves it.
template <class T>
inline Vector<T> select(Mask<T> mask, Vector<T> a, Vector<T> b) {
    return mask ? a : b;
}

// The instructions of these two give their second number where one is NaN, which is what keeps a NaN in x. Compilers do
// not find them when the limit is a constant.
template <class T>
inline Vector<T> at_least(Vector<T> x, T limit) {
    const Vector<T> l = splat<T>(limit);
#if defined(__AVX__)
    Vector<T> y;
    if (sizeof(T) == 4) {
        __asm__("vmaxps %2, %1, %0" : "=v"(y) : "v"(l), "vm"(x));
    } else {
        __asm__("vmaxpd %2, %1, %0" : "=v"(y) : "v"(l), "vm"(x));
    }
    return y;
#else
    return (l > x) ? l : x;
#endif
}

template <class T>
inline Vector<T> at_most(Vector<T> x, T limit) {
    const Vector<T> l = splat<T>(limit);
#if defined(__AVX__)
    Vector<T> y;
    if (sizeof(T) == 4) {
        __asm__("vminps %2, %1, %0" : "=v"(y) : "v"(l), "vm"(x));
    } else {
        __asm__("vminpd %2, %1, %0" : "=v"(y) : "v"(l), "vm"(x));
    }
    return y;
#else
    return (l < x) ? l : x;
#endif
}

// NaN where either is.
template <class T>
inline Vector<T> maximum(Vector<T> a, Vector<T> b) {
    const Vector<T> most = (a > b) ? a : b;  // b where either is NaN
    return (a == a) ? most : a;
}

template <class T>
inline Vector<T> minimum(Vector<T> a, Vector<T> b) {
    const Vector<T> least = (a < b) ? a : b;
    return (a == a) ? least : a;
}

template <class T>
inline Vector<T> relu(Vector<T> x) {
    return at_least<T>(x, 0);
}

template <class T>
inline Vector<T> abs(Vector<T> x) {
    return (Vector<T>)((Mask<T>)x & Numbers<T>::all_but_sign);
}

template <class T>
inline Vector<T> sqrt(Vector<T> x) {
    Vector<T> root;
    for (int lane = 0; lane < width<T>; lane++) {  // becomes one instruction
        root[lane] = std::sqrt(x[lane]);
    }
    return root;
}

// Blocks of D lanes exchanged with their neighbours.
template <class T, int D, int... L>
inline Vector<T> exchanged(Vector<T> x, std::integer_sequence<int, L...>) {
#if defined(__clang__)
    return __builtin_shufflevector(x, x, (L ^ D)...);
#else
    return __builtin_shuffle(x, Mask<T>{(L ^ D)...});
#endif
}

// The sum of all lanes, halves on halves: the order is fixed.
template <class T, int D = width<T> / 2>
inline T horizontal_sum(Vector<T> x) {
    if constexpr (D == 0) {
        return x[0];
    } else {
        return horizontal_sum<T, D / 2>(x + exchanged<T, D>(x, std::make_integer_sequence<int, width<T>>{}));
    }
}

// c[0] + c[1] x + ... by Horner's rule: the fewest instructions; there are other rows to fill the waiting.
template <class T, int N>
inline Vector<T> polynomial(Vector<T> x, const T (&c)[N]) {
    Vector<T> sum = splat<T>(c[N - 1]);
    for (int i = N - 2; i >= 0; i--) {
        sum = sum * x + c[i];
    }
    return sum;
}

// 2^m, for the m that adding magic + bias left in the lowest bits of `rounded`.
template <class T>
inline Vector<T> power_of_two(Vector<T> rounded) {
    return (Vector<T>)((typename Lanes<T>::U)rounded << Numbers<T>::mantissa);
}

// a * b + c * d, where only c * d, the smaller product, is rounded on its own: g++ fuses the first of two by itself.
template <class T>
inline Vector<T> two_products(Vector<T> a, Vector<T> b, Vector<T> c, Vector<T> d) {
#if LATCHWORK_FMA && defined(__clang__) && __has_builtin(__builtin_elementwise_fma)
    return __builtin_elementwise_fma(a, b, c * d);
#else
    return a * b + c * d;
#endif
}

// x taken apart: e^x = 2^n (c + r) / (c - r), with n plus `offset` in the lowest bits of `rounded`.
template <class T>
struct Power {
    Vector<T> rounded, r, c;
};

template <class T>
inline Power<T> power(Vector<T> x, int offset, bool precise) {
    typedef Numbers<T> K;
    const T magic = K::magic + T(offset);
    const Vector<T> rounded = x * K::per_ln2 + magic;
    const Vector<T> n = rounded - magic;
    Vector<T> r = x - n * K::ln2;
    if (precise || !LATCHWORK_FMA) {
        r -= n * K::ln2_rest;
    }
    const Vector<T> z = r * r;
    return {rounded, r, polynomial<T>(z, K::coth) * z + 2};
}

template <class T>
inline Vector<T> exp(Vector<T> x) {
    typedef Numbers<T> K;
    typedef typename Lanes<T>::U U;
    // With twice the bias, the two halves of the bits each hold half of n and one bias: 2^n alone can be out of range.
    const Power<T> e = power<T>(at_least<T>(at_most<T>(x, K::exp_most), K::exp_least), 2 * K::bias, true);
    const U half = (U)e.rounded >> 1;
    const Vector<T> first = power_of_two<T>((Vector<T>)half);
    const Vector<T> second = power_of_two<T>((Vector<T>)((U)e.rounded - half));
    return ((e.r + e.r) / (e.c - e.r) + 1) * first * second;
}

// 1 / (1 + e^-x), both sides of the fraction times 2^-shift, so that neither e^-x nor the fraction leaves the range
// before the result does.
template <class T>
inline Vector<T> sigmoid(Vector<T> x) {
    typedef Numbers<T> K;
    typedef typename Lanes<T>::U U;
    x = at_least<T>(at_most<T>(x, K::sigmoid_most), K::sigmoid_least);
    const Power<T> e = power<T>(-x, K::bias - K::sigmoid_shift, true);
    // In integers, for multiplications are what there is most of. The sum below brings NaN back.
    const Vector<T> a = (Vector<T>)((U)(e.c - e.r) - ((U{} + K::sigmoid_shift) << K::mantissa));
    return a / (power_of_two<T>(e.rounded) * (e.c + e.r) + a);
}

// (e^2|x| - 1) / (e^2|x| + 1), both sides times c - r: near 0, where 2^n is 1, that is r / c, so nothing is lost.
template <class T>
inline Vector<T> tanh(Vector<T> x) {
    typedef Numbers<T> K;
    typedef typename Lanes<T>::U U;
    const Vector<T> magnitude = abs<T>(x);
    const Vector<T> limited = at_most<T>(magnitude, K::tanh_most);
    // The second part of ln 2 would change less than a tenth of an ulp: where n is large, tanh is flat.
    const Power<T> e = power<T>(limited + limited, K::bias, false);
    const Vector<T> s = power_of_two<T>(e.rounded);
    const Vector<T> less = s - 1, more = s + 1;
    const Vector<T> y = two_products<T>(less, e.c, more, e.r) / two_products<T>(more, e.c, less, e.r);
    return (Vector<T>)((U)y ^ (U)x ^ (U)magnitude);  // the last two make x's sign
}

// log(1 + f) + k ln 2 for sqrt(1/2) <= 1 + f <= sqrt(2): with s = f / (2 + f) it is f - f^2/2 + s (f^2/2 + s^2 R(s^2)).
template <class T>
inline Vector<T> log_of_parts(Vector<T> f, Vector<T> k) {
    typedef Numbers<T> K;
    const Vector<T> s = f / (2 + f);
    const Vector<T> z = s * s;
    const Vector<T> square = f * f * T(0.5);
    const Vector<T> correction = s * (square + z * polynomial<T>(z, K::log)) + k * K::ln2_short_rest;
    return k * K::ln2_short + (f - (square - correction));
}

template <class T>
inline Vector<T> log(Vector<T> x) {
    typedef Numbers<T> K;
    typedef typename Lanes<T>::U U;
    constexpr T infinity = std::numeric_limits<T>::infinity();
    constexpr T shift = T(uint64_t(1) << K::mantissa);
    const Vector<T> zero{};
    const auto denormal = x < splat<T>(std::numeric_limits<T>::min());
    // The mantissa between sqrt(1/2) and sqrt(2), and the exponent k that this leaves.
    U bits = (U)(denormal ? x * shift : x) + (((U{} + K::bias) << K::mantissa) - K::root_half);
    const U mantissa = (bits & (((U{} + 1) << K::mantissa) - 1)) + K::root_half;
    // k to floating point through the magic number, which has room for it in its lowest bits.
    const Vector<T> counted = (Vector<T>)((bits >> K::mantissa) + (U)splat<T>(K::magic));
    const T offset = K::magic + T(K::bias);
    const Vector<T> k = counted - (denormal ? splat<T>(offset + K::mantissa) : splat<T>(offset));
    Vector<T> y = log_of_parts<T>((Vector<T>)mantissa - 1, k);
    y = (x < splat<T>(infinity)) ? y : x;  // infinity and NaN as they are
    y = (x == zero) ? splat<T>(-infinity) : y;
    return (x < zero) ? splat<T>(std::numeric_limits<T>::quiet_NaN()) : y;
}

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
template <class T>
inline Vector<T> softplus(Vector<T> x) {
    const Vector<T> u = exp<T>(-abs<T>(x));
    const auto large = u > splat<T>(T(0.41421356237309505));
    const Vector<T> one = splat<T>(1);
    const Vector<T> zero{};
    // u - 1 is exact where it matters: it is halved to stay between sqrt(1/2) and sqrt(2).
    return relu<T>(x) + log_of_parts<T>(large ? (u - one) * T(0.5) : u, large ? one : zero);
}

}  // namespace latchwork
