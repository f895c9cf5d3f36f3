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
 * @typedef {{likely: number[][], probabilities: Packed}} Tags of each step, the most probable labels first
 * @typedef {{bits: Packed, rank: (number | null)[], likely: (string | null)[][], probabilities: Packed}} Next what a
 *   language model expected after each step; null is the text's end
 * @typedef {{levels: [number, number, number], horizon: number, channels: Packed[]}} Forecast
 * @typedef {{[known in keyof Decision]: Decision[known] | null} &
 *   {layers: Layer[], tag?: Tags, next?: Next, forecast?: Forecast}} Run
 * @typedef {{by: string, prompt: number, temperature: number, seed: number}} Written how a model wrote a text
 * @typedef {{text: string | null, steps: string[], spans: [number, number][], unseen: boolean[],
 *   series: Packed | null, label: string | null, truth?: string[] | null, whole?: boolean, written?: Written | null,
 *   ahead?: Packed | null, fitted?: number | null, part?: {series: number, of: number, channels: number},
 *   runs: Record<string, Run>}} Sequence
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
 * @typedef {{format: string, version: number, task?: string | null, made_by: string, title: string, classes: string[], cells: Cell[],
 *   sequences: Sequence[], memory: Memory | null}} Report
 *
 * @typedef {Object} View what is looked at
 * @property {number} sequence place in Report.sequences
 * @property {string} cell name of the cell
 * @property {boolean} together all cells side by side
 * @property {number} layer place in Run.layers
 * @property {number} channel of a series that is forecast
 * @property {number} step from 0
 * @property {number | null} unit a unit's number; null for the mean of all
 * @property {number | null} absent a unit that was asked for and is not in the file
 * @property {number[]} pinned units drawn besides, to compare
 * @property {string | null} shown the value in the heat map; null for the cell's memory
 * @property {boolean} playing
 * @property {number} speed steps a second
 *
 * @typedef {{name: string, get: (step: number) => number, text: (value: number) => string,
 *   names?: (step: number) => string}} Column of the table of steps; `names` what the number is of
 * @typedef {{report: Report, store: import("page/store.js").Store, index: number, cell: Cell, sequence: Sequence,
 *   run: Run, goto: (step: number) => void}} Looked one cell's run on one sequence
 * @typedef {{parts: (Node | null)[], aside?: Node, show: (view: View) => void}} Reading
 *
 * @typedef {Object} TaskView what the page shows for a task
 * @property {(looked: Looked) => Reading} reading the sequence itself; `aside` stands with what is told of a step
 * @property {(looked: Looked) => (step: number) => (Node | string)[]} tells what is told of a step after its gates
 * @property {(looked: Looked) => import("page/timeline.js").Lane[]} lanes
 * @property {(looked: Looked) => Column[]} columns
 * @property {(sequence: Sequence) => string} title in the choice of sequences
 * @property {(step: string) => string} name a step as it can be seen
 * @property {(sequence: Sequence) => number} opening the step that is shown first
 * @property {number[]} speeds
 * @property {number} speed
 * @property {string} rows what memory was measured on
 * @property {string} words what the gates are compared at
 * @property {boolean} [tight] whether steps are single characters
 * @property {boolean} [numbered] whether steps are numbers
 * @property {boolean} [wide] whether the reading takes the whole width
 */
export {};
