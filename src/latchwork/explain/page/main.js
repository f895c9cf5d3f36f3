// @ts-check
/**
 * The page: chooses, steps, plays, and keeps its parts in step.
 *
 * `window.latchwork` is for scripts and tests: `data` is the report as it was read, `view()` says what is looked at,
 * `goto(step)` goes to a step (from 0), `choose({cell, together, sequence, layer, channel, step, unit, shown, speed,
 * playing})` changes any of it. Every number on the page has its full value in `data-value`.
 */

import { read } from "page/data.js";
import { h, modified, set } from "page/dom.js";
import { onScheme } from "page/colour.js";
import { cellTabs, player, sequenceChoice, toggle } from "page/controls.js";
import { createStore } from "page/store.js";
import { inside } from "page/inside.js";
import { anyGate } from "page/run.js";
import { memorySection } from "page/memory.js";
import { taskOf } from "page/tasks.js";

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/types.js").View} View */
/** @typedef {import("page/store.js").Store} Store */

const STEP_TIME = 900; // milliseconds that a single step takes to flow through the picture
const LEAD =
  "A recurrent cell reads one step at a time and carries a memory along. Its gates are valves between closed (0 %) " +
  "and open (100 %): how much of the memory is kept, how much of the new is written, how much is shown.";
const REBUILDS = /** @type {const} */ (["sequence", "cell", "together", "layer", "shown"]);

/** Draw the page. */
export function start() {
  const root = document.getElementById("latchwork");
  if (!root) return;
  try {
    draw(read(document), root);
  } catch (error) {
    root.replaceChildren(
      h(
        "p",
        { class: "note", role: "alert" },
        `This part cannot be shown: ${error instanceof Error ? error.message : error}`,
      ),
    );
    throw error;
  } finally {
    set(root, "aria-busy", null);
  }
}

/**
 * @param {Report} report
 * @param {HTMLElement} root
 */
function draw(report, root) {
  const memory = memorySection(report);
  if (!report.cells.length || !report.sequences.length) {
    root.replaceChildren(...(memory ? [memory] : [h("p", { class: "note" }, "There is no sequence to show.")]));
    return;
  }
  const store = createStore(opening(report), (view, before, asked) => settle(report, view, before, asked));
  const steps = () => report.sequences[store.view().sequence].steps;
  const tabs = cellTabs(report, store);
  const sequences = sequenceChoice(report, store);
  const controls = player(report, store, steps);
  const stage = h("div", {
    id: "inside",
    role: report.cells.length > 1 ? "tabpanel" : null,
    "aria-label": "The cell at work",
  });
  const live = h("p", { class: "unseen-by-eye", role: "status", "aria-live": "polite" });
  const explorer = h(
    "section",
    { class: "explorer", "aria-labelledby": "inside-title" },
    h("h2", { id: "inside-title" }, "Inside, step by step"),
    h("p", { class: "lead" }, LEAD),
    h("div", { class: "chooser" }, report.cells.length > 1 ? tabs.element : null, sequences?.element),
    controls.element,
    stage,
    live,
  );
  root.replaceChildren(explorer, ...(memory ? [memory] : []));

  /** @type {import("page/inside.js").Inside[]} */
  let parts = [];
  const build = () => {
    const { cell, together } = store.view();
    const places = report.cells.map((_, i) => i).filter((i) => together || report.cells[i].name === cell);
    parts = places.map((i) => inside(report, store, i, together));
    set(stage, "class", together ? "together" : null);
    const held = stage.contains(document.activeElement) ? document.activeElement?.id : "";
    stage.replaceChildren(...parts.map((part) => part.element));
    if (held) document.getElementById(held)?.focus({ preventScroll: true });
  };
  const said = () => stage.querySelector(".caption")?.textContent ?? "";
  const show = (/** @type {View} */ view, /** @type {number} */ time) => {
    tabs.show(view);
    sequences?.show(view);
    controls.show(view);
    for (const part of parts) part.show(view, time);
    if (!view.playing) live.textContent = `Step ${view.step + 1} of ${steps().length}. ${said()}`;
  };

  let before = store.view().step;
  /** @type {number | undefined} */
  let timer;
  store.on((view, changed) => {
    const rebuild = REBUILDS.some((name) => changed.has(name));
    if (rebuild) build();
    const near = changed.has("step") && view.step - before === 1 && !rebuild;
    before = view.step;
    show(view, near ? flowTime(view) : 0);
    clearTimeout(timer);
    if (view.playing) timer = setTimeout(() => advance(store, steps().length), 1000 / view.speed);
  });
  build();
  show(store.view(), 0);
  onScheme(() => {
    for (const part of parts) {
      part.redraw();
      part.show(store.view(), 0);
    }
  });
  document.addEventListener("keydown", (event) => key(event, store, steps().length, explorer));
  Object.assign(window, { latchwork: api(report, store) });
}

/**
 * The first view: where one begins to read the first sequence, in the first cell that has a gate.
 * @param {Report} report
 * @returns {View}
 */
const opening = (report) => ({
  sequence: 0,
  cell: (report.cells.find(anyGate) ?? report.cells[0]).name,
  together: false,
  layer: 0,
  channel: 0,
  step: taskOf(report).opening(report.sequences[0]),
  unit: null,
  absent: null,
  pinned: [],
  shown: null,
  playing: false,
  speed: taskOf(report).speed,
});

/**
 * @param {Report} report
 * @param {View} view
 * @param {View} before
 * @param {Partial<View>} asked
 * @returns {View}
 */
function settle(report, view, before, asked) {
  const sequence = Math.min(report.sequences.length - 1, Math.max(0, view.sequence));
  const { steps, runs, series } = report.sequences[sequence];
  const opening = taskOf(report).opening(report.sequences[sequence]);
  const moved = view.sequence !== before.sequence;
  const other = view.cell !== before.cell || view.together !== before.together;
  if (!report.cells.some((cell) => cell.name === view.cell)) throw new Error(`there is no cell ${view.cell}`);
  const layers = runs[view.cell]?.layers ?? [];
  const layer = Math.min(Math.max(0, layers.length - 1), Math.max(0, view.layer));
  // Another cell's units are others, whatever their numbers; and of a long sequence, only some are in the file.
  const wanted = "unit" in asked ? view.unit : other ? null : (view.unit ?? (moved ? view.absent : null));
  const here = (/** @type {number} */ unit) => layers[layer]?.units.includes(unit) ?? false;
  const lost = wanted !== null && !here(wanted);
  const anew = other || moved || view.layer !== before.layer || "unit" in asked || wanted !== null;
  const pinned = other ? [] : view.pinned.filter(here);
  return {
    ...view,
    sequence,
    layer,
    channel: Math.min((series?.shape[1] ?? 1) - 1, Math.max(0, view.channel)),
    step: Math.min(steps.length - 1, Math.max(0, moved && !("step" in asked) ? opening : Math.round(view.step))),
    unit: lost ? null : wanted,
    absent: lost ? wanted : anew ? null : view.absent,
    pinned: pinned.length === view.pinned.length ? view.pinned : pinned,
    shown: other && !("shown" in asked) ? null : view.shown,
  };
}

/**
 * @param {Store} store
 * @param {number} count
 */
function advance(store, count) {
  const { step } = store.view();
  store.set(step + 1 < count ? { step: step + 1, playing: step + 2 < count } : { playing: false });
}

/** @param {View} view */
function flowTime(view) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return 0;
  return view.playing ? Math.min(STEP_TIME * 1.6, 850 / view.speed) : STEP_TIME;
}

/**
 * Arrows step, Home and End go to the ends, space plays; where a key means something else, or something else has the
 * focus, it keeps its meaning.
 * @param {KeyboardEvent} event
 * @param {Store} store
 * @param {number} count
 * @param {Element} explorer
 */
function key(event, store, count, explorer) {
  const target = /** @type {Element} */ (event.target);
  if (modified(event) || event.defaultPrevented) return;
  if (!explorer.contains(target) && target !== document.body) return;
  if (target.closest("select, textarea, input:not([type=range]), .scroll")) return;
  const within = explorer.contains(target);
  const { step } = store.view();
  /** @type {Record<string, number>} */
  const arrows = { ArrowLeft: step - 1, ArrowRight: step + 1 };
  /** @type {Record<string, number>} */
  const ends = { Home: 0, End: count - 1 };
  const next = arrows[event.key] ?? (within ? ends[event.key] : undefined);
  if (next !== undefined) {
    event.preventDefault();
    store.set({ step: next, playing: false });
  } else if (event.key === " " && within && !target.closest("button, summary, .node")) {
    event.preventDefault();
    toggle(store, count - 1);
  }
}

/**
 * @param {Report} report
 * @param {Store} store
 */
const api = (report, store) => ({
  data: report,
  view: store.view,
  goto: (/** @type {number} */ step) => store.set({ step, playing: false }),
  choose: (/** @type {Partial<View>} */ change) => store.set(change),
});
