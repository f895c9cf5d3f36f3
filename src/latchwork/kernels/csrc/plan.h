// What a scan is told: plain structs of 64-bit fields, written by block.py and read here. structs.py reads the fields'
// names and order, and the kinds, from this very text.
//
// Letters: T steps, B rows, N = rows of all steps together (packed: step s has rows offset[s] … offset[s] + rows[s]),
// and for each size letter its number of units and of blocks (W units each, the last one padded).
#pragma once

#include <cstdint>

#ifndef LATCHWORK_REAL
#define LATCHWORK_REAL float
#endif

namespace latchwork {

using Real = LATCHWORK_REAL;

// How a buffer's row 0 of step s is found.
enum Kind : int64_t {
    FIXED = 0,     // base: learned vectors, one row for all
    PACKED = 1,    // base + offset[s] * stride
    CHUNK = 2,     // base + (offset[s] - offset[first step of the chunk]) * stride
    NOW = 3,       // base + (s mod 2) * B * stride
    BEFORE = 4,    // base + ((s + 1) mod 2) * B * stride: what the neighbouring step wrote as NOW
    PREVIOUS = 5,  // the state `state` before step s
};

struct Buffer {
    Real* base;  // null: what would be stored here is not wanted
    int64_t stride;  // numbers from row to row
    int64_t kind;
    int64_t state;
};

struct State {
    Real* initial;  // (B, stride), or null for zeros
    Real* zeros;    // (B, stride): room for those
    Real* final;    // (B, stride); backward: the gradient by it, or null for zeros
    Real* values;   // (N, stride) if packed, else (2, B, stride)
    Real* cut;      // (threads, B, stride), for steps with cuts
    Real* carry;    // (2, B, stride): the gradient by the state, passed from step to step
    int64_t stride;
    int64_t packed;
    int64_t letter;
};

// One source of a product: `length` numbers of each row of `buffer`.
struct Segment {
    int64_t buffer;
    int64_t length;
};

// Columns of W units: sums over the segments, from a bias or 0.
struct Product {
    int64_t first_column, columns;
    int64_t length;  // of all segments together
    int64_t first_segment, segments;
    const Real* weights;  // packed, see tile.h
    const Real* bias;     // packed, or null
};

struct Context;
typedef void (*Pointwise)(const Context*, int64_t row, int64_t rows, int64_t block, int64_t blocks, const Real* sums);

struct Phase {
    Pointwise run;
    int64_t letter;
    int64_t columns;  // of all products together
    int64_t group;    // blocks that are computed together
    int64_t first_product, products;
    int64_t whole_rows;  // reads whole rows beside the products' sources: means over the units
    int64_t by_step;     // reads previous states or draws masks, so its rows must be of one step
};

// A block of a weight matrix to be packed: unit j, number k at base[j * unit_stride + k * stride]; one stride is 1.
// Those that go to one place follow each other.
struct Pack {
    const Real* base;
    int64_t unit_stride, stride;
    int64_t units, length;
    Real* to;       // the product's packed weights (or bias: length 1)
    int64_t letter;
    int64_t column, columns;
    int64_t start, total;  // where the segment starts among the product's `total` numbers
    int64_t group;
};

// weight (units, length) += sum over rows of gradient[row][unit] * source[row][number].
struct WeightGradient {
    int64_t gradient, source;  // buffers
    int64_t units, length;
    Real* to;
    int64_t panel;  // number of the packed source: gradients of one source share it
};

// to (units,) += sum over rows of gradient[row][unit].
struct ColumnSum {
    int64_t gradient;
    int64_t units;
    Real* to;
};

struct Plan {
    int64_t steps;           // given by each call, as are seed, stream, drawn and first_step
    int64_t batch, threads;
    int64_t pooled;          // run on another pool's threads, if there is one: the caller's other work runs there
    const int64_t* offset;   // (T + 1,), or null where every step has B rows
    const int64_t* rows;     // (T + 1,), the last 0; or null
    const int64_t* row_id;   // (B,) the caller's numbers of the rows; or null where they are 0 … B - 1
    const uint8_t* cuts;     // (N,), or null
    int64_t chunk;           // steps, of which there may be fewer
    int64_t reversed;        // offset[s] = (T - 1 - s) B rather than s B; for rows of one length
    int64_t fetch_ahead;     // backward: what was kept of a step is fetched into the caches a step ahead
    int64_t step_tiles;      // rows enough in a step that what needs no order of steps is also tiled step by step
    int64_t split_units;     // threads share the units rather than the rows
    int64_t size[3];         // of the letters
    int64_t blocks[3];
    int64_t split_group[3];  // of the letters: blocks that stay with one thread
    uint64_t seed;
    int64_t stream;
    int64_t drawn;           // whether masks are drawn; else their rate stands for them
    int64_t first_step;      // the number of step 0 to the random masks
    int64_t states, buffers, before, loop, after, packs, gradients, sums, panels;
    const State* state;
    const Buffer* buffer;
    const Phase* phase;      // before, loop, after
    const Product* product;
    const Segment* segment;
    const Pack* pack;
    const WeightGradient* gradient;
    const ColumnSum* sum;
    Real* panel;             // room for the packed sources
    Real* tile;              // room for each thread's sums
    int64_t tile_size;
    int64_t backward;
};

// An address to be put into a word of a block: `offset` bytes behind a base that each call gives.
struct Relocation {
    int64_t word, base, offset;
};

// A Plan and its tables, laid out once for all numbers of steps.
struct Block {
    const int64_t* words;
    int64_t count;
    const Relocation* relocations;
    int64_t relocated;
};

// What each call gives beside the bases of the addresses.
struct Call {
    uint64_t seed;
    int64_t stream;
    int64_t drawn;
    int64_t first_step;
    int64_t steps;
    int64_t packed;  // the workspace holds the packed weights already
};

// What a pointwise function sees of a step.
struct Context {
    Real* const* buffer;    // each at the row 0 of the call
    const int64_t* stride;
    const int64_t* row_id;
    const int64_t* size;
    const int64_t* blocks;
    uint64_t seed;
    int64_t stream;
    int64_t drawn;
    int64_t step;
    int64_t ahead;  // backward: rows from one to the same of the step that is computed next
};

}  // namespace latchwork
