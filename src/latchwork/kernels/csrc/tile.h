// Matrix products on tiles that live in registers, and the packing of their operands.
//
// A tile is R rows × NV vectors of W sums. Its one operand is packed so that it is read straight through; the other is
// read number by number, each number meeting NV vectors. R and NV up to the extents of vector.h are instantiated, and
// chosen by table, so odd sizes run without wasted sums.
#pragma once

#include <utility>

#include "plan.h"
#include "vector.h"

namespace latchwork {

using V = Lanes<Real>::V;
constexpr int W = width<Real>;

// A segment as a tile reads it: from the tile's first row.
struct Source {
    const Real* from;
    int64_t stride;
    int64_t length;
};

// sums[r][v] = bias[v] + sum over k of source[r][k] * weights[k][v]; sums has `stride` numbers from row to row.
// With few rows several chains of sums hide the latency of the multiply-add.
template <int R, int NV>
void product_tile(const Source* source, int64_t sources, const Real* weights, const Real* bias, Real* sums,
                  int64_t stride) {
    constexpr int chains = R * NV >= 8 ? 1 : R * NV >= 4 ? 2 : 4;
    V total[chains][R][NV];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) {
            total[0][r][v] = bias ? load(bias + v * W) : V{};
#pragma GCC unroll 4
            for (int c = 1; c < chains; ++c) total[c][r][v] = V{};
        }
    for (; sources > 0; --sources, ++source) {
        const Real* row[R];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) row[r] = source->from + r * source->stride;
        const int64_t length = source->length;
        int64_t k = 0;
        for (; k + chains <= length; k += chains) {
#pragma GCC unroll 4
            for (int c = 0; c < chains; ++c) {
                V w[NV];
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) w[v] = load(weights + (c * NV + v) * W);
#pragma GCC unroll 8
                for (int r = 0; r < R; ++r) {
                    const V a = splat(row[r][k + c]);
#pragma GCC unroll 4
                    for (int v = 0; v < NV; ++v) total[c][r][v] += a * w[v];
                }
            }
            weights += chains * NV * W;
        }
        for (; k < length; ++k) {
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                const V a = splat(row[r][k]);
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) total[0][r][v] += a * load(weights + v * W);
            }
            weights += NV * W;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) {
#pragma GCC unroll 4
            for (int c = 1; c < chains; ++c) total[0][r][v] += total[c][r][v];
            store(sums + r * stride + v * W, total[0][r][v]);
        }
}

// to[r][·] (+)= sums[r][·], of which `count` numbers are there.
inline void add_tile(const Real* sums, int rows, int vectors, Real* to, int64_t to_stride, int64_t count, bool add) {
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) {
            const V sum = load(sums + (r * vectors + v) * W);
            Real* place = to + r * to_stride + v * W;
            const int64_t left = count - v * W;
            if (left >= W)
                store(place, add ? load(place) + sum : sum);
            else
                store_part(place, add ? load_part(place, int(left)) + sum : sum, int(left));
        }
}

// to[r][·] (+)= sum over rows of gradient[row][r] * panel[row][·]; `count` numbers of each row of `to` are there.
// Some rows at a time are summed in registers and then added to the sums, so that rounding errors do not add up over
// all of them; and the sums are not added to `to` from registers, for with so much to do compilers spill them.
template <int R, int NV>
void gradient_tile(const Real* gradient, int64_t gradient_stride, const Real* panel, int64_t rows, Real* to,
                   int64_t to_stride, int64_t count, bool add) {
    constexpr int64_t some = 32;
    alignas(64) Real sums[R * NV * W];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) {
            store(sums + (r * NV + v) * W, V{});
            __builtin_prefetch(to + r * to_stride + v * W, 1);
        }
    for (int64_t first = 0; first < rows; first += some) {
        V total[R][NV];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) total[r][v] = V{};
        for (int64_t row = first; row < (first + some < rows ? first + some : rows); ++row) {
            V p[NV];
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) p[v] = load(panel + v * W);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                const V g = splat(gradient[r]);
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) total[r][v] += g * p[v];
            }
            __builtin_prefetch(gradient + W);  // rows are far apart: the next units' numbers do not come by themselves
            panel += NV * W;
            gradient += gradient_stride;
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) {
                Real* sum = sums + (r * NV + v) * W;
                store(sum, load(sum) + total[r][v]);
            }
    }
    add_tile(sums, R, NV, to, to_stride, count, add);
}

using ProductTile = void (*)(const Source*, int64_t, const Real*, const Real*, Real*, int64_t);
using GradientTile = void (*)(const Real*, int64_t, const Real*, int64_t, Real*, int64_t, int64_t, bool);

struct Tiles {
    ProductTile product[tile_rows][tile_vectors];
    GradientTile gradient[tile_rows][tile_vectors];
};

template <int... I>
constexpr Tiles all_tiles(std::integer_sequence<int, I...>) {
    Tiles tiles{};
    ((tiles.product[I / tile_vectors][I % tile_vectors] = product_tile<I / tile_vectors + 1, I % tile_vectors + 1>,
      tiles.gradient[I / tile_vectors][I % tile_vectors] = gradient_tile<I / tile_vectors + 1, I % tile_vectors + 1>),
     ...);
    return tiles;
}

constexpr Tiles tiles = all_tiles(std::make_integer_sequence<int, tile_rows * tile_vectors>{});

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// The share `part` of `whole` things among `parts`.
struct Range {
    int64_t begin, end;
    Range(int64_t whole, int64_t part, int64_t parts) : begin(whole * part / parts), end(whole * (part + 1) / parts) {}
    Range(int64_t begin, int64_t end) : begin(begin), end(end) {}
};

// The rows cut into tiles of nearly one size. The cuts depend on the number of rows alone, so the same sums are made
// in the same order however many threads share the tiles.
struct RowTiles {
    int64_t rows, count;
    explicit RowTiles(int64_t rows) : rows(rows), count(ceil_div(rows, tile_rows)) {}
    Range operator[](int64_t i) const { return Range(rows, i, count); }
};

// Two vectors' lanes exchanged so that blocks of D lanes are transposed as a 2 × 2 matrix: one stage of a transposition.
template <int D, int... L>
inline void exchange(V& a, V& b, std::integer_sequence<int, L...>) {
#if defined(__clang__)
    const V low = __builtin_shufflevector(a, b, (L & D ? W + L - D : L)...);
    b = __builtin_shufflevector(a, b, (L & D ? W + L : L + D)...);
#else
    using I = Lanes<Real>::I;
    const V low = __builtin_shuffle(a, b, I{(L & D ? W + L - D : L)...});
    b = __builtin_shuffle(a, b, I{(L & D ? W + L : L + D)...});
#endif
    a = low;
}

template <int D>
inline void transpose_stage(V* rows) {
    if constexpr (D > 0) {
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i)
            if (!(i & D)) exchange<D>(rows[i], rows[i + D], std::make_integer_sequence<int, W>{});
        transpose_stage<D / 2>(rows);
    }
}

// `length` ≤ W numbers of each of W rows, `units` of them there, to as many vectors across the rows.
inline void transpose(const Real* from, int64_t stride, int units, int length, Real* to, int64_t to_stride) {
    V rows[W];
    if (units == W && length == W) {
#pragma GCC unroll 16
        for (int j = 0; j < W; ++j) rows[j] = load(from + j * stride);
    } else {
        for (int j = 0; j < W; ++j) rows[j] = j < units ? load_part(from + j * stride, length) : V{};
    }
    transpose_stage<W / 2>(rows);
    if (length == W) {
#pragma GCC unroll 16
        for (int k = 0; k < W; ++k) store(to + k * to_stride, rows[k]);
    } else {
        for (int k = 0; k < length; ++k) store(to + k * to_stride, rows[k]);
    }
}

// How many of a block's numbers are packed at a time.
constexpr int64_t pack_numbers = 4 * W;

// Packs numbers [begin, end) of block b of a weight's units; units that are not there are 0.
inline void pack_block(const Pack& p, int64_t blocks, int64_t b, int64_t begin, int64_t end) {
    const int64_t g = b / p.group, in_group = least(p.group, blocks - g * p.group);
    const int64_t column = p.column * in_group + b % p.group;
    const int64_t first = column / tile_vectors * tile_vectors;
    const int64_t vectors = least(tile_vectors, p.columns * in_group - first);
    const int64_t step = vectors * W;
    Real* to = p.to + p.total * W * (g * p.group * p.columns + first) + p.start * step + (column - first) * W;
    const int units = int(most(0, least(W, p.units - b * W)));
    const Real* from = units ? p.base + b * W * p.unit_stride : nullptr;
    if (!units) {
        for (int64_t k = begin; k < end; ++k) store(to + k * step, V{});
    } else if (p.unit_stride == 1 && units == W) {
        for (int64_t k = begin; k < end; ++k) store(to + k * step, load(from + k * p.stride));
    } else if (p.unit_stride == 1) {
        for (int64_t k = begin; k < end; ++k) store(to + k * step, load_part(from + k * p.stride, units));
    } else {
        for (int64_t k = begin; k < end; k += W) {
            // The rows are far apart, and what is packed next of them is not asked for by the processor itself.
            for (int j = 0; j < units; ++j) __builtin_prefetch(from + k + pack_numbers + j * p.unit_stride);
            transpose(from + k, p.unit_stride, units, int(least(W, end - k)), to + k * step, step);
        }
    }
}

// Packs groups of blocks for the packs [first, last), which go to one place: some numbers of all columns at a time, so
// that the lines written are whole.
inline void pack_groups(const Pack* first, const Pack* last, int64_t blocks, Range groups) {
    int64_t longest = 0;
    for (const Pack* p = first; p < last; ++p) longest = most(longest, p->length);
    for (int64_t g = groups.begin; g < groups.end; ++g)
        for (int64_t k = 0; k < longest; k += pack_numbers)
            for (const Pack* p = first; p < last; ++p)
                for (int64_t b = g * p->group; b < least(blocks, (g + 1) * p->group); ++b)
                    pack_block(*p, blocks, b, k, least(k + pack_numbers, p->length));
}

}  // namespace latchwork
