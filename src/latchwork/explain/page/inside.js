// @ts-check
/** One cell at work on one sequence: the text, the picture, the lanes, the unit. */

import { h } from "page/dom.js";
import { cellColour } from "page/colour.js";
import { caption } from "page/caption.js";
import { says, sequenceView, wordsKey } from "page/text.js";
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
  const words = sequenceView(sequence, run, report.classes, goto);
  const said = h("p", { class: "caption" });
  const picture = layer && cell.diagram ? pictureCard(cell, layer, cellColour(index)) : null;
  const lanes = laneCard(report, store, index, layer, beside);
  const choices =
    beside || !layer ? [] : [layerChoice(run.layers, store), unitChoice(layer.units, cell.hidden_size, store)];
  const units = choices[1];
  const element = h(
    "div",
    { class: `inside${beside ? " beside" : ""}`, "data-cell": cell.name, style: `--own: ${cellColour(index)}` },
    h(
      "section",
      { class: "card reading", "aria-label": "The sequence" },
      says(cell.name, run, report.classes, sequence.label),
      words.element,
      wordsKey(sequence, run, report.classes),
    ),
    h("section", { class: "card telling", "aria-label": "What happens at this step" }, said, picture?.facts ?? null),
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
    words.show(view.step);
    said.replaceChildren(...caption(cell, layer, run, sequence.steps, report.classes, view));
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
