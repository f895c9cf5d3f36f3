// The time loop: every cell's forward and backward pass, told by a Plan what to multiply and which pointwise functions,
// generated for the cell, to call between the products.
//
// Threads share the units when there are few rows (each keeps its part of the weights in its own cache, with a barrier
// wherever whole rows are read), and the rows when there are many (no barrier within a chunk). Which sums are made, and
// in which order, depends on neither.
#include <memory>

#include "plan.h"
#include "team.h"
#include "tile.h"

namespace latchwork {
namespace {

constexpr int64_t most_buffers = 256;
constexpr int64_t most_segments = 64;
constexpr int64_t panel_rows = 256;  // rows whose share in the weights' gradients is summed in registers

class Scan {
  public:
    Scan(const Plan& plan, Member& me) : p(plan), me(me), by_units(plan.split_units && me.count > 1), loop_tiles(plan.batch) {
        context = {base, stride, p.row_id, p.size, p.blocks, p.seed, p.stream, p.drawn, 0, 0};
        for (int64_t i = 0; i < p.buffers; ++i) stride[i] = p.buffer[i].stride;
        tile_room = p.tile + me.index * p.tile_size;
    }

    void forward() {
        pack();
        copy_initial();
        for (int64_t s = 0; s < p.steps; s += p.chunk) {
            const Range chunk(s, least(s + p.chunk, p.steps));
            set_chunk(chunk);
            me.barrier();
            rows_program(p.phase, p.before, chunk);
            me.barrier();
            for (int64_t t = chunk.begin; t < chunk.end; ++t) {
                step(t);
                copy_final(t);
            }
        }
    }

    void backward() {
        pack();
        for (int64_t i = 0; i < p.states; ++i) {
            fill_zeros(p.state[i]);
            start_carry(p.state[i]);
        }
        me.barrier();
        bool first = true;
        for (int64_t end = p.steps; end > 0;) {
            const int64_t begin = (end - 1) / p.chunk * p.chunk;
            const Range chunk(begin, end);
            set_chunk(chunk);
            for (int64_t t = end - 1; t >= begin; --t) {
                step(t);
                cut_carry(t);
            }
            me.barrier();
            rows_program(p.phase + p.before + p.loop, p.after, chunk);
            me.barrier();
            learn(chunk, first);
            first = first && !chunk_rows;
            end = begin;
        }
        if (first) nothing_learned();
    }

  private:
    const Plan& p;
    Member& me;
    const bool by_units;
    const RowTiles loop_tiles;
    Real* base[most_buffers];
    int64_t stride[most_buffers];
    Context context;
    Real* tile_room;
    int64_t chunk_start = 0, chunk_rows = 0;  // packed rows

    // Which of `whole` groups of units are this thread's, where threads share the units.
    Range own(int64_t whole) const { return Range(whole, me.index, me.count); }

    // Where step s begins among the packed rows, and how many it has; step T stands behind the last and has none.
    int64_t offset(int64_t s) const { return p.offset ? p.offset[s] : (p.reversed ? p.steps - 1 - s : s) * p.batch; }
    int64_t rows_of(int64_t s) const { return p.rows ? p.rows[s] : s < p.steps ? p.batch : 0; }

    void set_chunk(Range chunk) {
        chunk_start = p.reversed ? offset(chunk.end - 1) : offset(chunk.begin);
        chunk_rows = 0;
        for (int64_t t = chunk.begin; t < chunk.end; ++t) chunk_rows += rows_of(t);
    }

    // The step of a packed row, given one that is not after it.
    int64_t step_of(int64_t row, int64_t t) const {
        if (p.reversed) return p.steps - 1 - row / p.batch;
        while (offset(t + 1) <= row) ++t;
        return t;
    }

    void pack() {
        for (int64_t i = 0, end; i < p.packs; i = end) {
            const Pack& pack = p.pack[i];
            for (end = i; end < p.packs && p.pack[end].to == pack.to;) ++end;
            const int64_t blocks = p.blocks[pack.letter];
            pack_groups(p.pack + i, p.pack + end, blocks, own(ceil_div(blocks, pack.group)));
        }
    }

    void copy_rows(Real* to, const Real* from, int64_t stride, Range rows) {
        if (to != from && rows.begin < rows.end)
            std::memcpy(to + rows.begin * stride, from + rows.begin * stride,
                        sizeof(Real) * (rows.end - rows.begin) * stride);
    }

    Real* start(const State& state) const { return state.initial ? state.initial : state.zeros; }

    // Where no initial state is given, each thread clears its rows; the first clears those that it copies from.
    void fill_zeros(const State& state) {
        const Range rows = me.index ? own(p.batch) : Range(0, p.batch);
        if (!state.initial && rows.begin < rows.end)
            std::memset(state.zeros + rows.begin * state.stride, 0,
                        sizeof(Real) * (rows.end - rows.begin) * state.stride);
    }

    // Both halves, for a row takes it up at whichever step is its last.
    void start_carry(const State& state) {
        const Range rows = own(p.batch);
        const int64_t start = rows.begin * state.stride, numbers = (rows.end - rows.begin) * state.stride;
        if (numbers <= 0) return;
        for (Real* half : {state.carry, state.carry + p.batch * state.stride}) {
            if (state.final)
                std::memcpy(half + start, state.final + start, sizeof(Real) * numbers);
            else
                std::memset(half + start, 0, sizeof(Real) * numbers);
        }
    }

    // The first states stand where step 0 looks for them; rows without steps end as they began.
    void copy_initial() {
        for (int64_t i = 0; i < p.states; ++i) {
            const State& state = p.state[i];
            fill_zeros(state);
            if (!state.packed) copy_rows(state.values + p.batch * state.stride, start(state), state.stride, own(p.batch));
            if (me.index == 0) copy_rows(state.final, start(state), state.stride, Range(rows_of(0), p.batch));
        }
    }

    // The states of rows whose last step was `t`. Each thread copies what it wrote itself.
    void copy_final(int64_t t) {
        const int64_t from = rows_of(t + 1), to = rows_of(t);
        if (from == to) return;
        for (int64_t i = 0; i < p.states; ++i) {
            const State& state = p.state[i];
            const Real* values = state.values + (state.packed ? offset(t) : t % 2 * p.batch) * state.stride;
            const Range units = own_units(state.letter);
            for (int64_t b = from; b < to; ++b) {
                if (!own_row(b)) continue;
                std::memcpy(state.final + b * state.stride + units.begin, values + b * state.stride + units.begin,
                            sizeof(Real) * (units.end - units.begin));
            }
        }
    }

    // The gradient does not pass a cut.
    void cut_carry(int64_t t) {
        if (!any_cut(t)) return;
        for (int64_t i = 0; i < p.states; ++i) {
            const State& state = p.state[i];
            const Range units = own_units(state.letter);
            for (int64_t b = 0; b < rows_of(t); ++b)
                if (p.cuts[offset(t) + b] && own_row(b))
                    std::memset(state.carry + (t % 2 * p.batch + b) * state.stride + units.begin, 0,
                                sizeof(Real) * (units.end - units.begin));
        }
    }

    Range own_units(int64_t letter) const {
        const int64_t group = p.split_group[letter], blocks = p.blocks[letter];
        if (!by_units) return Range(0, blocks * W);
        const Range groups = own(ceil_div(blocks, group));
        return Range(least(groups.begin * group, blocks) * W, least(groups.end * group, blocks) * W);
    }

    bool own_row(int64_t row) const {
        if (by_units || me.count == 1) return true;
        for (int64_t i = me.index; i < loop_tiles.count; i += me.count)
            if (loop_tiles[i].begin <= row && row < loop_tiles[i].end) return true;
        return false;
    }

    bool any_cut(int64_t t) const {
        return p.cuts && std::memchr(p.cuts + offset(t), 1, size_t(rows_of(t)));
    }

    // The previous state of step t's row 0, before cuts.
    Real* previous(const State& state, int64_t t) const {
        if (!state.packed) return state.values + (t + 1) % 2 * p.batch * state.stride;
        return t ? state.values + offset(t - 1) * state.stride : start(state);
    }

    void place_buffers(int64_t t, int64_t row) {
        for (int64_t i = 0; i < p.buffers; ++i) {
            const Buffer& buffer = p.buffer[i];
            Real* place = buffer.base;
            if (buffer.kind == PREVIOUS)
                place = previous(p.state[buffer.state], t);
            else if (place)
                switch (buffer.kind) {
                    case PACKED: place += row * buffer.stride; break;
                    case CHUNK: place += (row - chunk_start) * buffer.stride; break;
                    case NOW: place += t % 2 * p.batch * buffer.stride; break;
                    case BEFORE: place += (t + 1) % 2 * p.batch * buffer.stride; break;
                    default: break;
                }
            base[i] = place;
        }
        context.step = p.first_step + t;
        context.ahead = t && p.fetch_ahead ? offset(t - 1) - offset(t) : 0;
    }

    // Previous states with zeros in the rows that are cut before step t, in this thread's own room.
    void place_cut_states(int64_t t) {
        const int64_t rows = rows_of(t);
        for (int64_t i = 0; i < p.states; ++i) {
            const State& state = p.state[i];
            Real* to = state.cut + me.index * p.batch * state.stride;
            const Real* from = previous(state, t);
            for (int64_t b = 0; b < rows; ++b) {
                if (p.cuts[offset(t) + b])
                    std::memset(to + b * state.stride, 0, sizeof(Real) * state.stride);
                else
                    copy_rows(to, from, state.stride, Range(b, b + 1));
            }
            for (int64_t k = 0; k < p.buffers; ++k)
                if (p.buffer[k].kind == PREVIOUS && p.buffer[k].state == i) base[k] = to;
        }
    }

    void step(int64_t t) {
        place_buffers(t, offset(t));
        if (any_cut(t)) {
            if (by_units) me.barrier();
            place_cut_states(t);
        }
        for (int64_t i = 0; i < p.loop; ++i) {
            const Phase& phase = p.phase[p.before + i];
            if (by_units && (phase.products || phase.whole_rows)) me.barrier();
            const int64_t first = by_units ? 0 : me.index, every = by_units ? 1 : me.count;
            for_parts(phase, by_units ? own_groups(phase) : groups_of(phase), [&](Range part) {
                for (int64_t k = first; k < loop_tiles.count; k += every) run_tile(phase, part, loop_tiles[k], rows_of(t));
            });
        }
    }

    Range groups_of(const Phase& phase) const { return Range(0, ceil_div(p.blocks[phase.letter], phase.group)); }

    // Units are shared in the same way in all phases, so that what is read unit by unit needs no barrier.
    Range own_groups(const Phase& phase) const {
        const Range units = own_units(phase.letter);
        return Range(units.begin / W / phase.group, ceil_div(units.end / W, phase.group));
    }

    // One tile of rows, those under `rows`, and one group of units; or several groups of a phase without products.
    void run_tile(const Phase& phase, Range groups, Range tile, int64_t rows) {
        const int64_t count = least(tile.end, rows) - tile.begin;
        if (count <= 0 || groups.begin >= groups.end) return;
        const int64_t block = groups.begin * phase.group;
        const int64_t blocks = least(groups.end * phase.group, p.blocks[phase.letter]) - block;
        for (int64_t i = 0; i < phase.products; ++i)
            multiply(p.product[phase.first_product + i], phase, block, blocks, tile.begin, count);
        phase.run(&context, tile.begin, count, block, blocks, tile_room);
    }

    void multiply(const Product& product, const Phase& phase, int64_t block, int64_t blocks, int64_t row, int64_t rows) {
        Source source[most_segments];
        for (int64_t i = 0; i < product.segments; ++i) {
            const Segment& segment = p.segment[product.first_segment + i];
            const int64_t s = stride[segment.buffer];
            source[i] = {base[segment.buffer] + row * s, s, segment.length};
        }
        const int64_t vectors = product.columns * blocks, row_stride = phase.columns * blocks * W;
        const int64_t start = block * product.columns;  // vectors of the groups before
        Real* sums = tile_room + product.first_column * blocks * W;
        for (int64_t v = 0; v < vectors; v += tile_vectors) {
            const int64_t count = least(tile_vectors, vectors - v);
            tiles.product[rows - 1][count - 1](source, product.segments, product.weights + product.length * W * (start + v),
                                               product.bias ? product.bias + W * (start + v) : nullptr, sums + v * W,
                                               row_stride);
        }
    }

    // What does not depend on the order of the steps, for all rows of a chunk at once.
    void rows_program(const Phase* phases, int64_t count, Range chunk) {
        for (int64_t i = 0; i < count; ++i) {
            if (i) me.barrier();
            const Phase& phase = phases[i];
            const Range groups = groups_of(phase);
            if (phase.by_step) {
                const int64_t tiles_here = (chunk.end - chunk.begin) * loop_tiles.count;
                const Range own_tiles = own(tiles_here);
                int64_t placed = -1;
                for (int64_t k = own_tiles.begin; k < own_tiles.end; ++k) {
                    const int64_t t = chunk.begin + k / loop_tiles.count;
                    if (t != placed) {
                        place_buffers(placed = t, offset(t));
                        if (any_cut(t)) place_cut_states(t);
                    }
                    for_parts(phase, groups, [&](Range part) {
                        run_tile(phase, part, loop_tiles[k % loop_tiles.count], rows_of(t));
                    });
                }
                continue;
            }
            place_buffers(chunk.begin, chunk_start);
            // Threads make what they will read themselves: the same units, or the same rows.
            const Range own_part = by_units ? own_groups(phase) : groups;
            if (p.step_tiles) {
                const int64_t first = by_units ? 0 : me.index, every = by_units ? 1 : me.count;
                for_parts(phase, own_part, [&](Range part) {
                    for (int64_t t = chunk.begin; t < chunk.end; ++t)
                        for (int64_t i = first; i < loop_tiles.count; i += every) {
                            const int64_t shift = offset(t) - chunk_start;
                            run_tile(phase, part, Range(shift + loop_tiles[i].begin, shift + loop_tiles[i].end),
                                     shift + rows_of(t));
                        }
                });
                continue;
            }
            const RowTiles row_tiles(chunk_rows);
            const Range own_tiles = by_units ? Range(0, row_tiles.count) : own(row_tiles.count);
            for_parts(phase, own_part, [&](Range part) {
                for (int64_t k = own_tiles.begin; k < own_tiles.end; ++k) run_tile(phase, part, row_tiles[k], chunk_rows);
            });
        }
    }

    // Group after group, so that the weights of one stay at hand for all rows; all together where nothing is multiplied.
    template <class F>
    static void for_parts(const Phase& phase, Range groups, F&& run) {
        if (!phase.products) return run(groups);
        for (int64_t g = groups.begin; g < groups.end; ++g) run(Range(g, g + 1));
    }

    // The gradients of weights and vectors: sums over the chunk's rows, some rows at a time.
    void learn(Range chunk, bool first) {
        int64_t t = chunk.begin;
        const int64_t end = chunk_start + chunk_rows;
        for (int64_t row = chunk_start; row < end; row += panel_rows) {
            const int64_t rows = least(panel_rows, end - row);
            const bool add = !(first && row == chunk_start);
            if (row > chunk_start) me.barrier();
            t = step_of(row, t);
            pack_panels(row, rows, t);
            me.barrier();
            add_gradients(row, rows, add);
        }
        if (chunk_rows) add_column_sums(!first);
        me.barrier();
    }

    static int64_t panel_width(int64_t length) { return ceil_div(length, W) * W; }

    void pack_panels(int64_t row, int64_t rows, int64_t t) {
        const Range own_rows = own(rows);
        int64_t last = -1;
        Real* panel = p.panel;
        for (int64_t i = 0; i < p.gradients; ++i) {
            const WeightGradient& job = p.gradient[i];
            if (job.panel == last) continue;
            last = job.panel;
            int64_t step = t;
            for (int64_t r = own_rows.begin; r < own_rows.end; ++r) {
                step = step_of(row + r, step);
                pack_row(source_row(p.buffer[job.source], row + r, step), job.length, panel, r, rows);
            }
            panel += panel_rows * panel_width(job.length);
        }
    }

    // A row of a buffer by its packed number; null for a state that was cut.
    const Real* source_row(const Buffer& buffer, int64_t row, int64_t t) const {
        if (buffer.kind == PREVIOUS) {
            if (p.cuts && p.cuts[row]) return nullptr;
            const State& state = p.state[buffer.state];
            return previous(state, t) + (row - offset(t)) * state.stride;
        }
        return buffer.base + (buffer.kind == CHUNK ? row - chunk_start : row) * buffer.stride;
    }

    static void pack_row(const Real* from, int64_t length, Real* panel, int64_t r, int64_t rows) {
        for (int64_t k = 0; k < length; k += tile_vectors * W) {
            const int64_t vectors = least(tile_vectors, ceil_div(length - k, W));
            Real* to = panel + k * rows + r * vectors * W;
            for (int64_t v = 0; v < vectors; ++v) {
                const int64_t left = least(W, length - k - v * W);
                store(to + v * W, !from ? V{} : left == W ? load(from + k + v * W) : load_part(from + k + v * W, int(left)));
            }
        }
    }

    void add_gradients(int64_t row, int64_t rows, bool add) {
        int64_t total = 0;
        for (int64_t i = 0; i < p.gradients; ++i)
            total += ceil_div(p.gradient[i].units, tile_rows) * ceil_div(p.gradient[i].length, tile_vectors * W);
        const Range mine = own(total);
        int64_t number = 0, last = p.gradients ? p.gradient[0].panel : 0;
        const Real* panel = p.panel;
        for (int64_t i = 0; i < p.gradients; ++i) {
            const WeightGradient& job = p.gradient[i];
            if (job.panel != last) {
                panel += panel_rows * panel_width(p.gradient[i - 1].length);
                last = job.panel;
            }
            const Buffer& buffer = p.buffer[job.gradient];
            const Real* gradient = source_row(buffer, row, 0);
            // All of the panel for some units: their column of the gradient is far apart in memory, and read once so.
            const int64_t pieces = ceil_div(job.length, tile_vectors * W);
            const int64_t count = pieces * ceil_div(job.units, tile_rows);
            for (int64_t i = most(0, mine.begin - number); i < least(count, mine.end - number); ++i) {
                const int64_t k = i % pieces * tile_vectors * W, unit = i / pieces * tile_rows;
                const int64_t vectors = least(tile_vectors, ceil_div(job.length - k, W));
                const int64_t units = least(tile_rows, job.units - unit);
                tiles.gradient[units - 1][vectors - 1](gradient + unit, buffer.stride, panel + k * rows, rows,
                                                       job.to + unit * job.length + k, job.length,
                                                       least(vectors * W, job.length - k), add);
            }
            number += count;
        }
    }

    // The gradients of biases and learned vectors.
    void add_column_sums(bool add) {
        constexpr int64_t most = tile_vectors * tile_rows;
        for (int64_t i = 0; i < p.sums; ++i) {
            const ColumnSum& job = p.sum[i];
            const Buffer& buffer = p.buffer[job.gradient];
            const Range blocks = own(ceil_div(job.units, W));
            for (int64_t b = blocks.begin; b < blocks.end; b += most)
                add_columns(job, source_row(buffer, chunk_start, 0), buffer.stride, chunk_rows, b,
                            least(most, blocks.end - b), add);
        }
    }

    // The column sums of some blocks, row after row, for that is how they lie in memory. Few rows are summed on their
    // own, then few such sums, so that rounding errors do not add up over all rows.
    static void add_columns(const ColumnSum& job, const Real* gradient, int64_t stride, int64_t rows, int64_t block,
                            int64_t blocks, bool add) {
        constexpr int64_t most = tile_vectors * tile_rows, few = 16;
        V total[most] = {}, some[most] = {};
        for (int64_t first = 0; first < rows; first += few) {
            V part[most] = {};
            for (int64_t r = first; r < least(first + few, rows); ++r)
                for (int64_t b = 0; b < blocks; ++b) part[b] += load(gradient + r * stride + (block + b) * W);
            const bool full = (first / few + 1) % few == 0 || first + few >= rows;
            for (int64_t b = 0; b < blocks; ++b) {
                some[b] += part[b];
                if (full) {
                    total[b] += some[b];
                    some[b] = V{};
                }
            }
        }
        for (int64_t b = 0; b < blocks; ++b) {
            Real* to = job.to + (block + b) * W;
            const int count = int(least(W, job.units - (block + b) * W));
            store_part(to, add ? load_part(to, count) + total[b] : total[b], count);
        }
    }

    void nothing_learned() {
        if (me.index) return;
        for (int64_t i = 0; i < p.gradients; ++i)
            std::memset(p.gradient[i].to, 0, sizeof(Real) * p.gradient[i].units * p.gradient[i].length);
        for (int64_t i = 0; i < p.sums; ++i) std::memset(p.sum[i].to, 0, sizeof(Real) * p.sum[i].units);
    }
};

}  // namespace
}  // namespace latchwork

// One call: a copy of the block's words, with the addresses of this call in it, is the Plan that runs. `given` is a Call,
// then the bases of the addresses; those that are 0 are null, but for 1: the copy itself.
extern "C" __attribute__((visibility("default"))) void latchwork_run(const latchwork::Block* block,
                                                                     const int64_t* given) {
    using namespace latchwork;
    Call call;
    std::memcpy(&call, given, sizeof call);
    const int64_t* bases = given + sizeof call / sizeof(int64_t);
    const int64_t count = block->count;
    constexpr int64_t small = 4096;
    int64_t on_stack[small];
    std::unique_ptr<int64_t[]> on_heap;
    int64_t* copy = on_stack;
    if (count > small) {
        on_heap.reset(new int64_t[count]);
        copy = on_heap.get();
    }
    std::memcpy(copy, block->words, sizeof(int64_t) * count);
    for (int64_t i = 0; i < block->relocated; ++i) {
        const Relocation& at = block->relocations[i];
        const int64_t start = at.base == 1 ? reinterpret_cast<int64_t>(copy) : bases[at.base];
        copy[at.word] = start ? start + at.offset : 0;
    }
    Plan* plan = reinterpret_cast<Plan*>(copy);
    plan->seed = call.seed;
    plan->stream = call.stream;
    plan->drawn = call.drawn;
    plan->first_step = call.first_step;
    plan->steps = call.steps;
    if (call.packed) plan->packs = 0;
    Team::shared().run(int(plan->threads), [plan](Member& me) {
        Scan scan(*plan, me);
        if (plan->backward)
            scan.backward();
        else
            scan.forward();
    }, plan->pooled);
}

// Calls run on the threads of another pool from now on; see team.h.
extern "C" __attribute__((visibility("default"))) void latchwork_share(
    void (*parallel)(void (*)(void*), void*, unsigned, unsigned), int (*index)(), int (*count)()) {
    latchwork::Team::shared().share({parallel, index, count});
}

// W, and the extents of tiles and panels, which the caller lays out memory by.
extern "C" __attribute__((visibility("default"))) void latchwork_extents(int64_t* extents) {
    extents[0] = latchwork::W;
    extents[1] = latchwork::tile_vectors;
    extents[2] = latchwork::tile_rows;
    extents[3] = latchwork::panel_rows;
}
