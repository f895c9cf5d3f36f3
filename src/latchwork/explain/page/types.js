// @ts-check
/**
 * The shape of the report's data (docs/report-format.md) and of what the page keeps in mind. Types alone, no code.
 *
 * @typedef {{shape: number[], float32: string}} Packed an array of numbers, row by row
 * @typedef {{rows: number, columns: number, data: Float32Array}} Matrix a packed array, unpacked
 *
 * @typedef {{value: string, of: string, label: string, complement: boolean}} Gate
 * @typedef {{id: string, kind: string, x: number, y: number, w: number, h: number, symbol: string,
 *   label: string | null, value: string | null, opens: string | null, reads?: string | null}} Part
 * @typedef {{from: string, to: string, value: string | null, previous: boolean, highway: boolean,
 *   points: [number, number][]}} Wire
 * @typedef {{width: number, height: number, nodes: Part[], wires: Wire[]}} Diagram
 * @typedef {{name: string, summary: string, formula: {name: string, expression: string}[], output: string,
 *   states: string[], hidden_size: number, layers: number, directions: number,
 *   gates: {keep: Gate | null, write: Gate | null, expose: Gate | null}, diagram: Diagram}} Cell
 *
 * @typedef {{layer: number, direction: number, units: number[],
 *   before: Record<string, Packed> | null, values: Record<string, Packed>}} Layer
 * @typedef {{probabilities: number[], predicted: number, grows: Packed, moved: Packed, occluded: Packed | null,
 *   completeness_error: number | null, score: number, baseline: number}} Decision what the model made of a sequence
 * @typedef {{[known in keyof Decision]: Decision[known] | null} & {layers: Layer[]}} Run
 * @typedef {{text: string | null, steps: string[], spans: [number, number][], unseen: boolean[],
 *   series: Packed | null, label: string | null, runs: Record<string, Run>}} Sequence
 *
 * @typedef {{unit: number, histograms: Record<string, number[]>, opens: [string, number][] | null,
 *   closes: [string, number][] | null, fires: {words: string[], at: number, value: number}[] | null}} UnitFacts
 * @typedef {{distance: number[], fitted: number[], start: number[] | null, reach: number | null,
 *   start_reach: number | null, rows?: number}} Flow
 * @typedef {[string, number, number]} WordKept a word, the mean of the keep gates at it, how often it occurred
 * @typedef {{half_life: (number | null)[] | null, flow: Flow | null,
 *   influence: {distance: number[], gradient: number[], replaced: number[] | null, rows?: number,
 *   replaced_rows?: number} | null, words?: {keeps: WordKept[], lets_go: WordKept[]} | null,
 *   sentences: Record<string, string | null> | null, units: UnitFacts[] | null}} CellMemory
 * @typedef {{share: number[], by_attribution: number[], random: number[], rows?: number}} Deletion
 * @typedef {{sequences: number, held_out: boolean, cells: Record<string, CellMemory>,
 *   deletion: Record<string, Deletion> | null}} Memory
 *
 * @typedef {{format: string, version: number, made_by: string, title: string, classes: string[], cells: Cell[],
 *   sequences: Sequence[], memory: Memory | null}} Report
 *
 * @typedef {Object} View what is looked at
 * @property {number} sequence place in Report.sequences
 * @property {string} cell name of the cell
 * @property {boolean} together all cells side by side
 * @property {number} layer place in Run.layers
 * @property {number} step from 0
 * @property {number | null} unit a unit's number; null for the mean of all
 * @property {number | null} absent a unit that was asked for and is not in the file
 * @property {number[]} pinned units drawn besides, to compare
 * @property {string | null} shown the value in the heat map; null for the cell's memory
 * @property {boolean} playing
 * @property {number} speed steps a second
 */
export {};
