// @ts-check
/** The plot of a series with its forecast from the present step, drawn at the width it has. */

import { s, h, set } from "page/dom.js";
import { ticks } from "page/axis.js";
import { observe } from "page/plot.js";

/** @typedef {import("page/types.js").Looked} Looked */
/** @typedef {ReturnType<typeof import("page/forecast.js").seriesOf>} Series */

const HEIGHT = 320;
const TOP = 14;
const BOTTOM = 34;
const LEFT = 58;
const RIGHT = 12;

/**
 * @param {Looked} looked
 * @param {(channel: number) => Series} channels
 */
export function forecastPlot({ sequence, goto, store, cell }, channels) {
  const svg = s("svg", { class: "plot forecastplot", height: HEIGHT, role: "img" });
  const element = h("div", { class: "seriesbox" }, svg);
  const first = Number((sequence.steps[0] ?? "step 1").replace("step ", ""));
  let width = 0;

  /** @param {number} t */
  const x = (t) => LEFT + ((t + 0.5) / channels(0).total) * (width - LEFT - RIGHT);

  function draw() {
    const { step, channel } = store.view();
    if (!width) return;
    const found = channels(channel);
    const [low, high] = range(found);
    const y = (/** @type {number} */ v) => HEIGHT - BOTTOM - ((v - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
    const line = (/** @type {number} */ from, /** @type {number} */ to) => path(found.value, from, to, x, y);
    const fitted = sequence.fitted ?? null;
    svg.replaceChildren(
      ...axes(low, high, y, found),
      ...(fitted !== null && fitted > 0 && fitted < found.steps ? [boundary(x(fitted - 0.5))] : []),
      s("path", { class: "interval", d: band(found, step, x, y) }),
      s("line", { class: "origin", x1: x(step), x2: x(step), y1: TOP - 6, y2: HEIGHT - BOTTOM }),
      s("path", { class: "came", d: line(step, found.total) }),
      s("path", { class: "known", d: line(0, step + 1) }),
      s("path", {
        class: "median",
        d: path((t) => found.at(step, t - step - 1)[1], step + 1, step + 1 + found.horizon, x, y),
        "data-line": "median",
      }),
      s("circle", { class: "now", cx: x(step), cy: y(lastKnown(found, step)), r: 4 }),
    );
    set(svg, "viewBox", `0 0 ${width} ${HEIGHT}`);
    set(
      svg,
      "aria-label",
      `${cell.name}: the series, and from ${sequence.steps[step]} the forecast of ${found.horizon} steps with its interval`,
    );
  }

  /**
   * @param {number} low
   * @param {number} high
   * @param {(value: number) => number} y
   * @param {Series} found
   */
  function axes(low, high, y, found) {
    const across = ticks(first, first + found.total - 1, Math.max(2, width / 130)).filter(Number.isInteger);
    return [
      ...ticks(low, high, 5).flatMap((value) => [
        s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
        s("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, value.toLocaleString("en")),
      ]),
      s("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
      ...across.map((value) =>
        s(
          "text",
          { class: "tick", x: x(value - first), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" },
          value.toLocaleString("en"),
        ),
      ),
      s("text", { class: "title", x: LEFT, y: HEIGHT - 2 }, "step"),
    ];
  }

  const pick = (/** @type {PointerEvent} */ event) => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    const found = channels(0);
    goto(Math.min(found.steps - 1, Math.max(0, Math.floor(share * found.total))));
  };
  svg.addEventListener("click", pick);
  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (event.buttons === 1 && event.pointerType === "mouse") pick(event);
  });
  observe(element, (now) => {
    width = now;
    draw();
  });
  return { element, show: draw };
}

/**
 * What holds the series and nearly all of the forecasts, so that the axis stays as the forecast moves.
 * @param {Series} found
 */
function range(found) {
  const values = Array.from({ length: found.total }, (_, t) => found.value(t)).filter(Number.isFinite);
  const told = Float32Array.from(found.quantiles).sort();
  const edge = Math.floor(told.length / 200);
  const low = values.reduce((a, b) => Math.min(a, b), told[edge]);
  const high = values.reduce((a, b) => Math.max(a, b), told[told.length - 1 - edge]);
  const room = (high - low) * 0.04 || 1;
  return [low - room, high + room];
}

/**
 * The last value that is there at a step.
 * @param {Series} found
 * @param {number} step
 */
function lastKnown(found, step) {
  for (let t = step; t >= 0; t--) if (Number.isFinite(found.value(t))) return found.value(t);
  return found.at(step, 0)[1];
}

/**
 * A line through what is there; missing values leave a gap.
 * @param {(t: number) => number} value
 * @param {number} from
 * @param {number} to
 * @param {(t: number) => number} x
 * @param {(value: number) => number} y
 */
function path(value, from, to, x, y) {
  let [text, drawn] = ["", false];
  for (let t = from; t < to; t++) {
    const v = value(t);
    if (Number.isFinite(v)) text += `${drawn ? "L" : "M"}${x(t).toFixed(1)} ${y(v).toFixed(1)}`;
    drawn = Number.isFinite(v);
  }
  return text;
}

/**
 * @param {Series} found
 * @param {number} step
 * @param {(t: number) => number} x
 * @param {(value: number) => number} y
 */
function band(found, step, x, y) {
  const ahead = Array.from({ length: found.horizon }, (_, i) => i);
  // A single step is as wide as a step.
  const wide = found.horizon === 1 ? (x(1) - x(0)) / 3 : 0;
  const point = (/** @type {number} */ i, /** @type {number} */ q, /** @type {number} */ shift) =>
    `${(x(step + 1 + i) + shift).toFixed(1)} ${y(found.at(step, i)[q]).toFixed(1)}`;
  const up = ahead.flatMap((i) => (wide ? [point(i, 2, -wide), point(i, 2, wide)] : [point(i, 2, 0)]));
  const down = ahead.flatMap((i) => (wide ? [point(i, 0, -wide), point(i, 0, wide)] : [point(i, 0, 0)])).reverse();
  return `M${[...up, ...down].join("L")}Z`;
}

/** @param {number} x */
const boundary = (x) => s("line", { class: "fitted", x1: x, x2: x, y1: TOP - 6, y2: HEIGHT - BOTTOM });
