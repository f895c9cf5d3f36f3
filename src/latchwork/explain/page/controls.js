// @ts-check
/** What the reader chooses with: sequence, cell, layer, step, speed. */

import { h, modified, s, set } from "page/dom.js";
import { short } from "page/format.js";
import { cellColour } from "page/colour.js";
import { taskOf } from "page/tasks.js";

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/types.js").View} View */
/** @typedef {import("page/store.js").Store} Store */

/**
 * The choice of the sequence; null where there is but one.
 * @param {Report} report
 * @param {Store} store
 */
export function sequenceChoice(report, store) {
  if (report.sequences.length < 2) return null;
  const task = taskOf(report);
  const options = report.sequences.map((sequence, i) => {
    const text = task.title(sequence).replace(/\s+/g, " ");
    return h("option", { value: i }, `${i + 1}. ${short(text, 70)}`);
  });
  const change = (/** @type {Event} */ event) =>
    store.set({ sequence: Number(/** @type {HTMLSelectElement} */ (event.target).value), playing: false });
  const select = h("select", { id: "sequence", onchange: change }, ...options);
  const element = h("label", { class: "choice grow" }, "Sequence", select);
  const show = (/** @type {View} */ view) => {
    select.value = String(view.sequence);
  };
  return { element, show };
}

/**
 * Tabs of the cells, and all side by side. Arrow keys go from tab to tab.
 * @param {Report} report
 * @param {Store} store
 */
export function cellTabs(report, store) {
  const tabs = report.cells.map((cell, i) =>
    tab(cell.name, cell.name, cellColour(i), () => store.set({ cell: cell.name, together: false })),
  );
  if (tabs.length > 1) tabs.push(tab("Side by side", "", null, () => store.set({ together: true, unit: null })));
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": "Cell", onkeydown: move }, ...tabs);

  /** @param {KeyboardEvent} event */
  function move(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || modified(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const next = tabs[(tabs.indexOf(event.target) + by + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }

  /** @param {View} view */
  function show(view) {
    for (const t of tabs) {
      const on = view.together ? t.dataset.cell === "" : t.dataset.cell === view.cell;
      set(t, "aria-selected", String(on));
      set(t, "tabindex", on ? 0 : -1);
    }
  }
  return { element, show };
}

/**
 * @param {string} text
 * @param {string} name
 * @param {string | null} colour
 * @param {() => void} choose
 */
function tab(text, name, colour, choose) {
  const dot = colour ? h("i", { class: "dot", style: `background: ${colour}`, "aria-hidden": "true" }) : null;
  const attributes = { type: "button", role: "tab", class: "tab", "data-cell": name, "aria-controls": "inside" };
  return h("button", { ...attributes, onclick: choose }, dot, text);
}

/**
 * Back, play, forward, speed and the scrubber.
 * @param {Report} report
 * @param {Store} store
 * @param {() => string[]} steps of the sequence that is shown
 */
export function player(report, store, steps) {
  const task = taskOf(report);
  const go = (/** @type {number} */ by) => () => store.set({ step: store.view().step + by, playing: false });
  const last = () => steps().length - 1;
  const back = button("Step back", "back", "M11 3 5 8l6 5z", go(-1));
  const forward = button("Step forward", "forward", "m5 3 6 5-6 5z", go(1));
  const play = button("Play", "play", PLAY, () => toggle(store, last()));
  const scrubber = h("input", {
    type: "range",
    min: 0,
    step: 1,
    id: "scrubber",
    "aria-label": "Step",
    oninput: (/** @type {any} */ event) => store.set({ step: Number(event.target.value), playing: false }),
  });
  const speed = h(
    "select",
    {
      id: "speed",
      "aria-label": "Steps a second",
      onchange: (/** @type {any} */ e) => store.set({ speed: Number(e.target.value) }),
    },
    ...task.speeds.map((value) => h("option", { value, selected: value === store.view().speed }, `${value} a second`)),
  );
  const where = h("output", { class: "where", id: "where" });
  const buttons = h("div", { class: "buttons" }, back, play, forward);
  const element = h("div", { class: "player", role: "group", "aria-label": "Steps" }, buttons, scrubber, where, speed);

  /** @param {View} view */
  function show(view) {
    const words = steps();
    const full = task.name(words[view.step] ?? "");
    const name = short(full, 18);
    scrubber.max = words.length - 1;
    scrubber.value = view.step;
    scrubber.style.setProperty("--done", `${words.length > 1 ? (100 * view.step) / (words.length - 1) : 100}%`);
    scrubber.disabled = words.length < 2;
    set(scrubber, "aria-valuetext", `${view.step + 1} of ${words.length}: ${short(full, 60)}`);
    back.disabled = view.step === 0;
    forward.disabled = view.step >= words.length - 1;
    play.disabled = words.length < 2;
    where.replaceChildren(h("bdi", {}, name), h("span", { class: "soft" }, ` ${view.step + 1}/${words.length}`));
    set(where, "data-value", view.step);
    set(play, "aria-label", view.playing ? "Pause" : "Play");
    set(play, "title", `${view.playing ? "Pause" : "Play"} (space)`);
    play.querySelector("path").setAttribute("d", view.playing ? PAUSE : PLAY);
  }
  return { element, show };
}

const PLAY = "m4 2 10 6-10 6z";
const PAUSE = "M4 2h3v12H4zm5 0h3v12H9z";

/**
 * Play or pause; at the end, from the start again.
 * @param {Store} store
 * @param {number} last
 */
export function toggle(store, last) {
  const view = store.view();
  if (last < 1) return;
  if (view.playing) store.set({ playing: false });
  else store.set({ playing: true, step: view.step >= last ? 0 : view.step });
}

/**
 * @param {string} name
 * @param {string} id
 * @param {string} path
 * @param {() => void} act
 */
function button(name, id, path, act) {
  const icon = s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: path }));
  return h("button", { type: "button", id, class: "icon", "aria-label": name, title: name, onclick: act }, icon);
}

/**
 * The choice of layer and direction; null where there is but one.
 * @param {import("page/types.js").Layer[]} layers
 * @param {Store} store
 */
export function layerChoice(layers, store) {
  if (layers.length < 2) return null;
  const both = layers.some((layer) => layer.direction === 1);
  const options = layers.map((layer, i) => {
    const direction = both ? (layer.direction === 1 ? ", from the end" : ", from the start") : "";
    return h("option", { value: i, selected: i === store.view().layer }, `layer ${layer.layer + 1}${direction}`);
  });
  const change = (/** @type {any} */ event) => store.set({ layer: Number(event.target.value), unit: null, pinned: [] });
  return h("label", { class: "choice" }, "Layer", h("select", { id: "layer", onchange: change }, ...options));
}

/**
 * The choice of one unit, or the mean of all.
 * @param {number[]} units in the order of the file, where neighbours are alike
 * @param {number} all how many the cell has
 * @param {Store} store
 */
export function unitChoice(units, all, store) {
  const options = [...units].sort((a, b) => a - b).map((unit) => h("option", { value: unit }, `unit ${unit}`));
  const change = (/** @type {any} */ event) =>
    store.set({ unit: event.target.value === "" ? null : Number(event.target.value) });
  const select = h(
    "select",
    { id: "unit", onchange: change },
    h("option", { value: "" }, units.length < all ? `mean of ${units.length} units of ${all}` : "mean of all units"),
    ...options,
  );
  const element = h("label", { class: "choice" }, "Numbers of", select);
  const show = (/** @type {View} */ view) => {
    select.value = view.unit === null ? "" : String(view.unit);
  };
  return { element, show };
}
