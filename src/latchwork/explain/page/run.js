// @ts-check
/** What a cell did on a sequence: the numbers of a step, a unit, a gate. */

import { matrix, row } from "page/data.js";

/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").Run} Run */
/** @typedef {import("page/types.js").Gate} Gate */
/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").Matrix} Matrix */

const NONE = new Float32Array(0);

/**
 * All steps of a value, or null where it was not recorded.
 * @param {Layer} layer
 * @param {string | null} name
 */
export function values(layer, name) {
  const packed = name === null ? undefined : layer.values[name];
  return packed ? matrix(packed) : null;
}

/**
 * A value at a step, or at the step before it; before the first, what the layer began with, or zeros; empty where
 * nothing was recorded.
 * @param {Layer} layer
 * @param {string | null} name
 * @param {number} step
 * @param {boolean} [previous]
 */
export function at(layer, name, step, previous = false) {
  const all = values(layer, name);
  if (!all) return NONE;
  // The second direction reads from the end, so that what was before stands after.
  const place = previous ? step + (layer.direction === 1 ? 1 : -1) : step;
  if (place >= 0 && place < all.rows) return row(all, place);
  const before = name === null ? undefined : layer.before?.[name];
  return before ? matrix(before).data : new Float32Array(all.columns);
}

/**
 * What the model made of the sequence, or null where that is not known, as of a layer alone.
 * @param {Run} run
 */
export const decisionOf = (run) =>
  run.predicted === null ? null : /** @type {import("page/types.js").Decision} */ (/** @type {unknown} */ (run));

/**
 * The place of a unit in a value's rows; −1 where the file does not hold it, or the value has other units.
 * @param {Layer} layer
 * @param {number | null} unit
 * @param {number} [columns]
 */
export function place(layer, unit, columns = layer.units.length) {
  return unit === null || columns !== layer.units.length ? -1 : layer.units.indexOf(unit);
}

/**
 * The share that a gate lets through at every step: of one unit, or the mean of all; null where it is not in the file.
 * @param {Layer} layer
 * @param {Gate} gate
 * @param {number | null} unit
 * @returns {Float64Array | null} (T,)
 */
export function shares(layer, gate, unit) {
  const all = values(layer, gate.value);
  if (!all) return null;
  const found = new Float64Array(all.rows);
  for (let t = 0; t < all.rows; t++) {
    const value = one(layer, row(all, t), unit);
    if (value === null) return null;
    found[t] = gate.complement ? 1 - value : value;
  }
  return found;
}

/**
 * A unit's number, or the mean of all; null where the unit is not among them, so that no mean is taken for a unit.
 * @param {Layer} layer
 * @param {Float32Array} numbers
 * @param {number | null} unit null for the mean
 */
export function one(layer, numbers, unit) {
  if (unit === null) return mean(numbers);
  const at = place(layer, unit, numbers.length);
  return at < 0 ? null : numbers[at];
}

/** @param {Float32Array} numbers */
export function mean(numbers) {
  let sum = 0;
  for (const value of numbers) sum += value;
  return numbers.length ? sum / numbers.length : 0;
}

/**
 * Whether a share is more than one gate's value, as where zoneout keeps some of the memory besides.
 * @param {Gate} gate
 */
export const isWhole = (gate) => gate.value.startsWith("#");

/** @type {WeakMap<Matrix, number>} */
const limits = new WeakMap();

/**
 * The value that gets a scale's full colour: 1 for what lies between −1 and 1 and comes near, else the largest size.
 * @param {Layer} layer
 * @param {string | null} name
 */
export function limit(layer, name) {
  const all = values(layer, name);
  if (!all) return 1;
  let most = limits.get(all);
  if (most === undefined) {
    most = 0;
    for (const value of all.data) most = Math.max(most, Math.abs(value));
    if (most === 0 || (most > 0.6 && most < 1)) most = 1;
    limits.set(all, most);
  }
  return most;
}

/**
 * What the heat map shows unless another value is chosen: the state that the gates are about, else the output.
 * @param {Cell} cell
 */
export const memoryOf = (cell) => anyGate(cell)?.of ?? cell.output;

/** @param {Cell} cell */
export const anyGate = ({ gates: { keep, write, expose } }) => keep ?? write ?? expose;

/**
 * The values that have a name, in the cell's order.
 * @param {Layer} layer
 */
export const named = (layer) => Object.keys(layer.values).filter((name) => !name.startsWith("#"));
