// What this machine can do at most: multiply-adds on numbers in registers, and reading from each level of memory.
// `latchwork bench` holds the kernels against it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "team.h"
#include "vector.h"

namespace latchwork {
namespace {

using Real = LATCHWORK_REAL;
using V = Lanes<Real>::V;
using U = Lanes<Real>::U;
constexpr int W = width<Real>;

// As many as a tile has; at least 12, so that the latency of a multiply-add is hidden: 4 cycles, two begun in each.
constexpr int sums = tile_vectors * tile_rows > 12 ? tile_vectors * tile_rows : 12;

// The sum of x = x * factor + term, repeated on numbers that all differ: nothing of it can be left out or shared. With
// term = 1 - factor they tend to 1, far from overflow and from denormals.
Real multiply_add(int64_t rounds, Real factor, Real term) {
    const V f = splat(factor), t = splat(term);
    V x[sums];
#pragma GCC unroll 32
    for (int i = 0; i < sums; ++i) x[i] = splat(Real(1 + i));
    for (; rounds > 0; --rounds) {
#pragma GCC unroll 32
        for (int i = 0; i < sums; ++i) x[i] = x[i] * f + t;
    }
    V total{};
#pragma GCC unroll 32
    for (int i = 0; i < sums; ++i) total += x[i];
    return total[0];
}

// Reads `vectors` vectors, a multiple of 8. Integer sums: no latency to speak of.
U read(const U* from, int64_t vectors) {
    U total[8] = {};
    for (int64_t i = 0; i < vectors; i += 8) {
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k) total[k] += from[i + k];
    }
#pragma GCC unroll 8
    for (int k = 1; k < 8; ++k) total[0] += total[k];
    return total[0];
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Calls work(rounds) on all members at once, over and over for `seconds`, and returns the most rounds a second that one
// call made: whatever else the machine does only takes away.
template <class F>
double best_rate(Member& me, double seconds, F&& work) {
    static std::atomic<double> spent;  // by the call that all members have just ended, as member 0 saw it
    constexpr double least = 2e-3;     // seconds of a call: long beside a barrier and the clock
    double best = 0, total = 0;
    for (int64_t rounds = 1;;) {
        me.barrier();
        const double start = now();
        work(rounds);
        me.barrier();
        if (me.index == 0) spent.store(now() - start);
        me.barrier();
        const double time = spent.load();
        if (time < least) {
            rounds *= 2;
            continue;
        }
        best = std::max(best, double(rounds) / time);
        total += time;
        if (total >= seconds) return best;
    }
}

}  // namespace
}  // namespace latchwork

// Floating-point operations a second of `threads` threads together, a multiply-add counting two. `factor` is under 1,
// and comes from outside so that the compiler knows nothing of it. `joined` receives how many threads there were.
extern "C" __attribute__((visibility("default"))) double latchwork_peak(int threads, double seconds, double factor,
                                                                        int* joined) {
    using namespace latchwork;
    double best = 0;
    Team::shared().run(threads, [&](Member& me) {
        Real total = 0;
        const double rate = best_rate(me, seconds, [&](int64_t rounds) {
            total += multiply_add(rounds, Real(factor), Real(1 - factor));
        });
        volatile Real kept = total;  // the reason to compute it
        (void)kept;
        if (me.index == 0) {
            best = rate * me.count * sums * W * 2;
            *joined = me.count;
        }
    });
    return best;
}

// Bytes a second that `threads` threads together read, each over and over `bytes` of its own; 0 where there is not so
// much memory.
extern "C" __attribute__((visibility("default"))) double latchwork_read(int threads, double seconds, int64_t bytes,
                                                                        int* joined) {
    using namespace latchwork;
    const int64_t vectors = std::max<int64_t>(bytes / vector_bytes / 8, 1) * 8;
    double best = 0;
    std::atomic<int> lacking{0};
    Team::shared().run(threads, [&](Member& me) {
        // Each member writes its own first, so that the system puts it near that processor.
        void* memory = nullptr;
        if (posix_memalign(&memory, 4096, vectors * vector_bytes) != 0) {
            memory = nullptr;
            ++lacking;
        } else {
            std::memset(memory, 1, vectors * vector_bytes);
        }
        me.barrier();
        if (lacking.load() == 0) {
            const U* from = static_cast<const U*>(memory);
            U seen{};
            const double rate = best_rate(me, seconds, [&](int64_t rounds) {
                for (; rounds > 0; --rounds) {
                    asm volatile("" : : "r"(from) : "memory");  // it may have changed: so it is read again
                    seen += read(from, vectors);
                }
            });
            volatile U kept = seen;
            (void)kept;
            if (me.index == 0) {
                best = rate * me.count * double(vectors * vector_bytes);
                *joined = me.count;
            }
        }
        std::free(memory);
    });
    return best;
}
