// @ts-check
/** One cell at work on one sequence: the text, the picture, the lanes, the unit. */

import { h } from "page/dom.js";
import { cellColour } from "page/colour.js";
import { caption } from "page/caption.js";
import { taskOf } from "page/tasks.js";
import { unitChoice, layerChoice } from "page/controls.js";
import { pictureCard } from "page/picture_card.js";
import { laneCard } from "page/lane_card.js";

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").View} View */
/** @typedef {import("page/store.js").Store} Store */
/** @typedef {{element: HTMLElement, show: (view: View, time: number) => void, redraw: () => void}} Inside */

/**
 * @param {Report} report
 * @param {Store} store
 * @param {number} index of the cell
 * @param {boolean} beside whether other cells stand beside it, so that there is room for less
 * @returns {Inside}
 */
export function inside(report, store, index, beside) {
  const cell = report.cells[index];
  const first = store.view();
  const sequence = report.sequences[first.sequence];
  const run = sequence.runs[cell.name];
  if (!run) return absent(cell);
  const layer = run.layers[Math.min(first.layer, run.layers.length - 1)];
  const goto = (/** @type {number} */ step) => store.set({ step, playing: false });
  const task = taskOf(report);
  const looked = { report, store, index, cell, sequence, run, goto };
  const reading = task.reading(looked);
  const tells = task.tells(looked);
  const said = h("p", { class: "caption" });
  const picture = layer && cell.diagram ? pictureCard(cell, layer, cellColour(index)) : null;
  const lanes = laneCard(task, looked, layer, beside);
  const choices =
    beside || !layer ? [] : [layerChoice(run.layers, store), unitChoice(layer.units, cell.hidden_size, store)];
  const units = choices[1];
  const element = h(
    "div",
    {
      class: `inside${beside ? " beside" : ""}${task.wide ? " across" : ""}`,
      "data-cell": cell.name,
      style: `--own: ${cellColour(index)}`,
    },
    h("section", { class: "card reading", "aria-label": "The sequence" }, ...reading.parts),
    h(
      "section",
      { class: "card telling", "aria-label": "What happens at this step" },
      said,
      reading.aside ?? null,
      picture?.facts ?? null,
    ),
    h(
      "section",
      { class: "card working", "aria-label": `Inside ${cell.name}` },
      h(
        "div",
        { class: "cardhead" },
        h("h3", {}, h("i", { class: "dot", "aria-hidden": "true" }), `Inside ${cell.name}`),
        choices[0] ?? null,
        units && "element" in units ? units.element : null,
      ),
      h("p", { class: "note summary" }, cell.summary),
      picture?.element ?? null,
    ),
    lanes.element,
  );

  /**
   * @param {View} view
   * @param {number} time for the picture to get there
   */
  function show(view, time) {
    reading.show(view);
    said.replaceChildren(...caption(cell, layer, task.name(sequence.steps[view.step]), tells(view.step), view));
    picture?.show(view, time);
    lanes.show(view);
    if (units && "show" in units) units.show(view);
  }
  return { element, show, redraw: lanes.redraw };
}

/**
 * @param {Cell} cell
 * @returns {Inside}
 */
function absent(cell) {
  const element = h(
    "div",
    { class: "inside" },
    h("p", { class: "card note" }, `${cell.name} was not run on this sequence.`),
  );
  return { element, show() {}, redraw() {} };
}
