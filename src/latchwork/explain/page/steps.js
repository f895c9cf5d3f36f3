// @ts-check
/** What the table of all steps holds beside the words. */

import { percent } from "page/format.js";
import { shares } from "page/run.js";

/** @typedef {import("page/types.js").Column} Column */

/**
 * @param {Column[]} own what the task adds, first
 * @param {import("page/types.js").Cell} cell
 * @param {import("page/types.js").Layer | undefined} layer
 * @returns {Column[]}
 */
export function stepColumns(own, cell, layer) {
  const { keep, write, expose } = cell.gates;
  const gates = /** @type {const} */ ([
    ["keep", keep],
    ["write", write],
    ["expose", expose],
  ]).flatMap(([name, gate]) => {
    const found = gate && layer ? shares(layer, gate, null) : null;
    return found ? [{ name, get: (/** @type {number} */ t) => found[t], text: percent }] : [];
  });
  return [...own, ...gates.map((gate) => ({ ...gate, text: (/** @type {number} */ p) => percent(p) }))];
}
