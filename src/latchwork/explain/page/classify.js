// @ts-check
/** A class for the whole sequence: what moved the decision, and how it grew. */

import { h, shown } from "page/dom.js";
import { percent, signed } from "page/format.js";
import { matrix } from "page/data.js";
import { growsLane, movedLane } from "page/lanes.js";
import { decisionOf } from "page/run.js";
import { className, says, sequenceView, wordsKey } from "page/text.js";

/** @typedef {import("page/types.js").Decision} Decision */
/** @typedef {import("page/types.js").TaskView} TaskView */

/** @type {TaskView} */
export const classify = {
  reading({ report, cell, sequence, run, goto }) {
    const words = sequenceView(sequence, run, report.classes, goto);
    const parts = [
      says(cell.name, run, report.classes, sequence.label),
      words.element,
      wordsKey(sequence, run, report.classes),
    ];
    return { parts, show: (view) => words.show(view.step) };
  },
  tells({ report, sequence, run }) {
    const decision = decisionOf(run);
    if (!decision) return () => [];
    return (step) => stand(decision, report.classes, step, step === sequence.steps.length - 1);
  },
  lanes({ report, index, sequence, run }) {
    const decision = decisionOf(run);
    if (!decision) return [];
    return [movedLane(decision, sequence.steps), growsLane(decision, report.classes, sequence.steps, index)];
  },
  columns({ report, run }) {
    const decision = decisionOf(run);
    return decision ? columns(decision, report.classes) : [];
  },
  title: (sequence) =>
    sequence.text ?? (sequence.series ? `series of ${sequence.steps.length} steps` : sequence.steps.join(" ")),
  name: (step) => step,
  opening: () => 0,
  speeds: [0.5, 1, 2, 4, 8],
  speed: 1,
  rows: "sequences",
  words: "words",
};

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
 * @param {Decision} decision
 * @param {string[]} classes
 */
function columns({ moved, occluded, grows, predicted }, classes) {
  const { data, columns } = matrix(grows);
  return [
    { name: "moved", get: (/** @type {number} */ t) => matrix(moved).data[t], text: signed },
    ...(occluded
      ? [{ name: "lost without it", get: (/** @type {number} */ t) => matrix(occluded).data[t], text: signed }]
      : []),
    {
      name: className(classes, predicted),
      get: (/** @type {number} */ t) => data[t * columns + predicted],
      text: (/** @type {number} */ p) => percent(p),
    },
  ];
}
