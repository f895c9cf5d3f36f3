// What the generated pointwise functions of a cell are written with.
#pragma once

#include "functions.h"
#include "philox.h"
#include "plan.h"
#include "vector.h"

namespace latchwork {

using V = Lanes<Real>::V;
constexpr int W = width<Real>;

// What will be loaded from `ahead` numbers further on is brought closer on the way.
inline V load_ahead(const Real* from, int64_t ahead) {
    __builtin_prefetch(from + ahead, 0, 2);
    return load(from);
}

// The lanes under `count` as they are, the others 0.
inline V first_lanes(V v, int64_t count) {
    typename Lanes<Real>::I lane;
    for (int i = 0; i < W; ++i) lane[i] = i;
    return lane < Lanes<Real>::I{} + typename std::remove_reference<decltype(lane[0])>::type(count) ? v : V{};
}

}  // namespace latchwork
