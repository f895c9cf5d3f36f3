// @ts-check
/** What happens at a step, in plain words. */

import { h, shown } from "page/dom.js";
import { percent, short, signed } from "page/format.js";
import { matrix } from "page/data.js";
import { decisionOf, shares } from "page/run.js";
import { className } from "page/text.js";

/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").Run} Run */
/** @typedef {import("page/types.js").Decision} Decision */

/**
 * @param {Cell} cell
 * @param {Layer | undefined} layer
 * @param {Run} run
 * @param {string[]} words
 * @param {string[]} classes
 * @param {number} step
 * @param {number | null} unit
 * @returns {(Node | string)[]}
 */
export function caption(cell, layer, run, words, classes, step, unit) {
  const where = unit === null ? "" : ` in unit ${unit}`;
  const start = ["At ", h("b", {}, "“", h("bdi", {}, short(words[step], 40)), "”"), `${where}: `];
  const decision = decisionOf(run);
  return [
    ...start,
    ...gates(cell, layer, step, unit),
    ...(decision ? stand(decision, classes, step, step === words.length - 1) : []),
  ];
}

/**
 * What the step did to the decision.
 * @param {Decision} decision
 * @param {string[]} classes
 * @param {number} step
 * @param {boolean} last
 */
function stand(decision, classes, step, last) {
  const grows = matrix(decision.grows);
  const now = grows.data[step * grows.columns + decision.predicted];
  const target = className(classes, decision.predicted);
  return [
    ...way(matrix(decision.moved).data[step], target),
    last ? "; at the end, " : "; had it ended here, ",
    h("bdi", {}, target),
    last ? " stands at " : " would stand at ",
    shown(now, percent(now), { "data-what": "grows" }),
    ".",
  ];
}

/**
 * @param {number} moved
 * @param {string} target
 */
function way(moved, target) {
  const size = shown(moved, signed(Math.abs(moved)).replace("+", ""), { "data-what": "moved" });
  if (signed(moved) === "0.00") return [" The step left the decision where it was (", size, ")"];
  return [" The step moved the decision by ", size, ` ${moved > 0 ? "towards" : "away from"} `, h("bdi", {}, target)];
}

/**
 * @param {Cell} cell
 * @param {Layer | undefined} layer
 * @param {number} step
 * @param {number | null} unit
 * @returns {(Node | string)[]}
 */
function gates(cell, layer, step, unit) {
  const { keep, write, expose } = cell.gates;
  const share = (/** @type {import("page/types.js").Gate | null} */ gate) =>
    gate && layer ? (shares(layer, gate, unit)?.[step] ?? null) : null;
  const kept = share(keep);
  const written = share(write);
  const exposed = share(expose);
  /** @type {(Node | string)[][]} */
  const parts = [];
  const figure = (/** @type {number} */ value, /** @type {string} */ what) =>
    shown(value, percent(value), { "data-what": what, class: "figure" });
  if (keep && kept !== null) parts.push([`the ${keep.label} keeps `, figure(kept, "keep"), ` of ${keep.of}`]);
  if (write && written !== null) {
    const same = write.label === keep?.label;
    parts.push([same ? "writes " : `the ${write.label} lets in `, figure(written, "write"), " of the new content"]);
  }
  if (expose && exposed !== null)
    parts.push([`the ${expose.label} shows `, figure(exposed, "expose"), ` of ${expose.of}`]);
  if (!parts.length) {
    return [
      `no gates here: ${cell.output} is computed afresh from the input and the ${cell.output} of the step before.`,
    ];
  }
  return parts.flatMap((part, i) => [...(i ? [i === parts.length - 1 ? " and " : ", "] : []), ...part]).concat(".");
}
