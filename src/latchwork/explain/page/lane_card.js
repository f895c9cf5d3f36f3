// @ts-check
/** What has the steps for its axis, and the unit that is chosen in it. */

import { h } from "page/dom.js";
import { memoryOf, named } from "page/run.js";
import { gateLane, heatLane, numbersLane, wordsLane } from "page/lanes.js";
import { tableOnDemand } from "page/table.js";
import { stepColumns } from "page/steps.js";
import { timeline } from "page/timeline.js";
import { unitPanel } from "page/unit.js";

/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").Looked} Looked */
/** @typedef {import("page/types.js").TaskView} TaskView */
/** @typedef {import("page/types.js").View} View */
/** @typedef {import("page/store.js").Store} Store */

/**
 * Everything that has the steps for its axis, and the chosen unit.
 * @param {TaskView} task
 * @param {Looked} looked
 * @param {Layer | undefined} layer
 * @param {boolean} beside
 */
export function laneCard(task, looked, layer, beside) {
  const { report, store, index, cell, sequence, goto } = looked;
  const first = store.view();
  const words = sequence.steps.map(task.name);
  const chosen = () => {
    const { unit, pinned } = store.view();
    return [...(unit === null ? [] : [unit]), ...pinned.filter((p) => p !== unit)];
  };
  const choose = (/** @type {number} */ unit) => store.set({ unit });
  const { keep, write, expose } = cell.gates;
  const gates = layer
    ? /** @type {const} */ ([
        ["keep", keep],
        ["write", write],
        ["expose", expose],
      ]).map(([what, gate]) => gate && gateLane(what, gate, layer, index, beside ? () => [] : chosen, words))
    : [];
  const name = first.shown && layer?.values[first.shown] ? first.shown : memoryOf(cell);
  const heat = layer && !beside ? heatLane(name, layer, () => store.view().unit, choose, words) : null;
  const axis = task.numbered ? numbersLane(words) : wordsLane(words, task.tight);
  const made = [axis, ...task.lanes(looked), ...gates, heat];
  const lanes = made.filter((lane) => lane !== null && lane !== undefined);
  const line = timeline(/** @type {import("page/timeline.js").Lane[]} */ (lanes), words.length, goto, task.tight);
  const aside = h("div", { class: "aside", id: "unit-panel" });
  /** @type {{show: (step: number) => void} | null} */
  let panel = null;
  let about = "";
  const choice = heat && layer ? heatChoice(layer, name, store) : null;
  const numbers = stepsTable(task, looked, layer);
  const element = h(
    "section",
    { class: "card lanes", "aria-label": "Over the whole sequence" },
    h("div", { class: "cardhead" }, h("h3", {}, "Over the whole sequence"), choice),
    line.element,
    heat ? aside : null,
    numbers.element,
  );
  const heatCanvas = line.element.querySelector("canvas.heat");

  /** @param {View} view */
  function show(view) {
    line.show(view.step);
    if (heatCanvas && layer) {
      heatCanvas.setAttribute(
        "aria-valuenow",
        String(Math.max(0, view.unit === null ? 0 : layer.units.indexOf(view.unit))),
      );
      heatCanvas.setAttribute("aria-valuetext", view.unit === null ? "no unit chosen" : `unit ${view.unit}`);
    }
    if (!heat || !layer) return;
    const key = `${view.unit} ${view.absent} ${view.pinned}`;
    if (key !== about) {
      const held = aside.contains(document.activeElement) ? document.activeElement?.id : null;
      renew(view, layer);
      // Where the button is gone with the panel, the heat map is what chooses a unit.
      if (held !== null) (aside.querySelector(`#${held || "none"}`) ?? heatCanvas)?.focus({ preventScroll: true });
    }
    about = key;
    panel?.show(view.step);
  }

  /**
   * @param {View} view
   * @param {Layer} layer
   */
  function renew(view, layer) {
    const unit = view.unit;
    if (unit === null) {
      panel = null;
      aside.replaceChildren(
        h(
          "p",
          { class: "note" },
          view.absent === null ? "" : `Unit ${view.absent} is not in the file for this sequence. `,
          "Choose a row of the heat map, by a click or with ↑ and ↓, to see what that unit does.",
        ),
      );
      return;
    }
    const measured =
      layer.layer === cell.layers - 1 && layer.direction === 0 ? (report.memory?.cells[cell.name] ?? null) : null;
    const pinned = view.pinned.includes(unit);
    const made = unitPanel(cell, layer, measured, unit, report.memory !== null, task, {
      close: () => store.set({ unit: null }),
      pin: () =>
        store.set({ pinned: pinned ? view.pinned.filter((p) => p !== unit) : [...view.pinned, unit].slice(-3) }),
      pinned,
    });
    panel = made;
    aside.replaceChildren(made.element);
  }
  return { element, show, redraw: line.draw };
}

/**
 * @param {Layer} layer
 * @param {string} name
 * @param {Store} store
 */
function heatChoice(layer, name, store) {
  const options = named(layer).map((value) => h("option", { value, selected: value === name }, value));
  const change = (/** @type {any} */ event) => store.set({ shown: event.target.value });
  return h("label", { class: "choice" }, "Heat map of", h("select", { id: "shown", onchange: change }, ...options));
}

/**
 * The lanes as a table, a row a step.
 * @param {TaskView} task
 * @param {Looked} looked
 * @param {Layer | undefined} layer
 */
function stepsTable(task, looked, layer) {
  const { cell, sequence } = looked;
  const columns = stepColumns(task.columns(looked), cell, layer);
  return tableOnDemand("All steps as a table", ["step", ...columns.map(({ name }) => name)], () =>
    sequence.steps.map((word, t) => [
      task.name(word),
      ...columns.map(({ get, text, names }) => ({
        text: `${names ? `${names(t)} ` : ""}${text(get(t))}`,
        value: get(t),
      })),
    ]),
  );
}
