// The vector type of the instruction set that this is compiled for, over GNU vector extensions.
//
// Everything else is written in terms of W lanes and of the tile's extents, so AVX-512, AVX2, plain x86-64 and NEON
// come from one source.
#pragma once

#include <cstdint>
#include <cstring>

namespace latchwork {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr int tile_vectors = 4;  // 24 accumulators, 4 weights and 1 broadcast of 32 registers
constexpr int tile_rows = 6;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr int tile_vectors = 2;  // 12 accumulators of 16 registers
constexpr int tile_rows = 6;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16;
constexpr int tile_vectors = 4;
constexpr int tile_rows = 6;
#else
constexpr int vector_bytes = 16;
constexpr int tile_vectors = 2;
constexpr int tile_rows = 4;
#endif

template <class T>
struct Lanes;

template <>
struct Lanes<float> {
    typedef float V __attribute__((vector_size(vector_bytes)));
    typedef int32_t I __attribute__((vector_size(vector_bytes)));  // what comparing two V gives; also integer lanes
    typedef uint32_t U __attribute__((vector_size(vector_bytes)));
};

template <>
struct Lanes<double> {
    typedef double V __attribute__((vector_size(vector_bytes)));
    typedef int64_t I __attribute__((vector_size(vector_bytes)));
    typedef uint64_t U __attribute__((vector_size(vector_bytes)));
};

template <class T>
constexpr int width = vector_bytes / int(sizeof(T));  // W

template <class T>
inline typename Lanes<T>::V splat(T number) {
    return number - typename Lanes<T>::V{};
}

template <class T>
inline typename Lanes<T>::V load(const T* from) {
    typename Lanes<T>::V v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

template <class T>
inline void store(T* to, typename Lanes<T>::V v) {
    std::memcpy(to, &v, sizeof v);
}

// The first `count` lanes from memory, the others 0: nothing past them is read.
template <class T>
inline typename Lanes<T>::V load_part(const T* from, int count) {
    typename Lanes<T>::V v{};
    std::memcpy(&v, from, sizeof(T) * count);
    return v;
}

// Writes the first `count` lanes and nothing past them.
template <class T>
inline void store_part(T* to, typename Lanes<T>::V v, int count) {
    std::memcpy(to, &v, sizeof(T) * count);
}

}  // namespace latchwork
