// @ts-check
/**
 * Lanes over the whole sequence that share one axis of steps. Only what is in sight is drawn, so that a long sequence
 * costs what a short one costs; the rest is scrolled to.
 */

import { h, set } from "page/dom.js";
import { css, palette } from "page/colour.js";
import { observe } from "page/plot.js";

/**
 * @typedef {Object} Sight what of a lane is in sight
 * @property {CanvasRenderingContext2D} context
 * @property {number} from the first step
 * @property {number} to the one after the last
 * @property {(step: number) => number} x where a step begins
 * @property {number} slot the width of a step
 * @property {number} width
 * @property {number} height
 * @property {number} step the present one
 *
 * @typedef {Object} Lane
 * @property {string} name
 * @property {(Node | string)[]} label
 * @property {number | ((slot: number) => number)} height
 * @property {(sight: Sight) => void} draw
 * @property {(slot: number) => number} [tail] room that is needed after the last step
 * @property {(step: number) => (Node | string)[]} [says] the numbers of a step
 * @property {(step: number, y: number) => string} [hint] what is pointed at
 * @property {(y: number) => void} [press]
 * @property {Record<string, any>} [attributes] of the canvas
 */

const WORD = [12, 96]; // pixels of a step, at least and at most
const CHARACTER = [15, 30];

/**
 * @param {Lane[]} lanes
 * @param {number} count steps
 * @param {(step: number) => void} goto
 * @param {boolean} [tight] whether the steps are single characters
 */
export function timeline(lanes, count, goto, tight = false) {
  const [narrowest, widest] = tight ? CHARACTER : WORD;
  const rows = lanes.map((lane) => row(lane));
  const stage = h("div", { class: "stage" }, ...rows.map((r) => r.canvas));
  const spacer = h("div", { class: "spacer" }, stage);
  const scroller = h("div", { class: "scroller" }, spacer);
  const labels = h("div", { class: "lanelabels" }, ...rows.map((r) => r.label));
  const hint = h("p", { class: "hint", "aria-hidden": "true" });
  const element = h("div", { class: "timeline" }, labels, scroller, hint);
  let width = 0;
  let slot = widest;
  let step = 0;
  let asked = 0;

  function layout() {
    const fitted = (/** @type {number} */ room) => Math.min(widest, Math.max(narrowest, room / count));
    const tail = Math.max(0, ...lanes.map((lane) => lane.tail?.(fitted(width)) ?? 0));
    slot = fitted(width - tail);
    spacer.style.width = `${Math.max(width, Math.ceil(slot * count + tail))}px`;
    stage.style.width = `${width}px`;
    for (const { lane, canvas, label } of rows) {
      const height = typeof lane.height === "number" ? lane.height : lane.height(slot);
      const ratio = devicePixelRatio || 1;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      for (const part of [canvas, label]) part.style.height = `${height}px`;
    }
    draw();
  }

  function draw() {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => rows.forEach(({ lane, canvas }) => paint(lane, canvas)));
  }

  /**
   * @param {Lane} lane
   * @param {HTMLCanvasElement} canvas
   */
  function paint(lane, canvas) {
    const context = canvas.getContext("2d");
    if (!context || !width) return;
    const ratio = devicePixelRatio || 1;
    const height = canvas.height / ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const left = scroller.scrollLeft;
    const x = (/** @type {number} */ t) => t * slot - left;
    context.fillStyle = css(palette().focus, 0.16);
    context.fillRect(x(step), 0, Math.max(2, slot), height);
    const from = Math.max(0, Math.floor(left / slot) - 1);
    const to = Math.min(count, Math.ceil((left + width) / slot) + 1);
    lane.draw({ context, from, to, x, slot, width, height, step });
  }

  const stepAt = (/** @type {PointerEvent} */ event) => {
    const left = event.clientX - scroller.getBoundingClientRect().left + scroller.scrollLeft;
    return Math.min(count - 1, Math.max(0, Math.floor(left / slot)));
  };
  for (const { lane, canvas } of rows) {
    canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => {
      goto(stepAt(event));
      lane.press?.(event.offsetY);
    });
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.buttons === 1 && event.pointerType === "mouse") goto(stepAt(event));
      hint.textContent = lane.hint?.(stepAt(event), event.offsetY) ?? "";
    });
    canvas.addEventListener("pointerleave", () => (hint.textContent = ""));
  }
  scroller.addEventListener("scroll", draw, { passive: true });
  observe(scroller, (now) => {
    width = now;
    layout();
    reveal();
  });

  function reveal() {
    const left = step * slot;
    if (left < scroller.scrollLeft || left + slot > scroller.scrollLeft + width) scroller.scrollLeft = left - width / 3;
  }

  /** @param {number} next */
  function show(next) {
    step = next;
    for (const { lane, says, canvas } of rows) {
      const text = lane.says?.(step) ?? [];
      says.replaceChildren(...text);
      set(canvas, "aria-label", `${lane.name}, at step ${step + 1}: ${says.textContent || "shown by colour"}`);
    }
    if (width) reveal();
    draw();
  }
  return { element, show, draw, layout };
}

/** @param {Lane} lane */
function row(lane) {
  const says = h("span", { class: "saysnow" });
  const label = h(
    "div",
    { class: lane.press ? "lanelabel top" : "lanelabel" },
    h("span", { class: "lanename" }, ...lane.label),
    says,
  );
  const canvas = h("canvas", { role: "img", "data-lane": lane.name, ...lane.attributes });
  return { lane, says, label, canvas };
}
