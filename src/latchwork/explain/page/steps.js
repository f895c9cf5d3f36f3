// @ts-check
/** What the table of all steps holds beside the words. */

import { percent, signed } from "page/format.js";
import { matrix } from "page/data.js";
import { decisionOf, shares } from "page/run.js";
import { className } from "page/text.js";

/** @typedef {{name: string, get: (step: number) => number, text: (value: number) => string}} Column */

/**
 * @param {import("page/types.js").Report} report
 * @param {import("page/types.js").Cell} cell
 * @param {import("page/types.js").Run} run
 * @param {import("page/types.js").Layer | undefined} layer
 * @returns {Column[]}
 */
export function stepColumns(report, cell, run, layer) {
  const { keep, write, expose } = cell.gates;
  const gates = /** @type {const} */ ([
    ["keep", keep],
    ["write", write],
    ["expose", expose],
  ]).flatMap(([name, gate]) => {
    const found = gate && layer ? shares(layer, gate, null) : null;
    return found ? [{ name, get: (/** @type {number} */ t) => found[t], text: percent }] : [];
  });
  const decision = decisionOf(run);
  return [
    ...(decision ? decisionColumns(decision, report.classes) : []),
    ...gates.map((gate) => ({ ...gate, text: (/** @type {number} */ p) => percent(p) })),
  ];
}

/**
 * @param {import("page/types.js").Decision} decision
 * @param {string[]} classes
 * @returns {Column[]}
 */
function decisionColumns({ moved, occluded, grows, predicted }, classes) {
  const { data, columns } = matrix(grows);
  return [
    { name: "moved", get: (t) => matrix(moved).data[t], text: signed },
    ...(occluded
      ? [{ name: "lost without it", get: (/** @type {number} */ t) => matrix(occluded).data[t], text: signed }]
      : []),
    {
      name: className(classes, predicted),
      get: (t) => data[t * columns + predicted],
      text: (p) => percent(p),
    },
  ];
}
