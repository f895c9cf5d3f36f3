// @ts-check
/** Plots of lines that are labelled where they end, drawn at the width they have. */

import { h, s, set } from "page/dom.js";
import { percent, tenTo } from "page/format.js";

/** @typedef {{name: string, colour: string, dashed?: boolean, xs: number[], ys: number[]}} Line */
/** @typedef {{title: string, log: boolean, least?: number, share?: boolean}} Axis */
/** @typedef {{place: (value: number) => number, ticks: {value: number, text: string}[]}} Scale */

const HEIGHT = 270;
const TOP = 30;
const BOTTOM = 40;
const LEFT = 46;
const APART = 15; // between two labels
const ROOMY = 460;

/**
 * Tells an element's width now and whenever it changes.
 * @param {Element} element
 * @param {(width: number) => void} draw
 */
export function observe(element, draw) {
  let width = 0;
  new ResizeObserver((entries) => {
    const now = Math.round(entries[0].contentRect.width);
    if (now > 0 && now !== width) draw((width = now));
  }).observe(element);
}

/**
 * @param {string} name what the plot shows, for those who do not see it
 * @param {Axis} x
 * @param {Axis} y
 * @param {Line[]} lines
 */
export function linePlot(name, x, y, lines) {
  const usable = lines.map((line) => drawable(line, x, y)).filter((line) => line.xs.length);
  const solid = usable.filter((line) => !line.dashed);
  const height = Math.max(HEIGHT, solid.length * APART + TOP + BOTTOM);
  const base = height - BOTTOM;
  const svg = s("svg", { class: "plot", height, role: "img", "aria-label": name });
  const element = h("div", { class: "plotbox" }, svg);
  observe(element, (width) => {
    // Where there is little room, a dashed line goes with the solid one of its colour.
    const named = width >= ROOMY && usable.length * APART <= base - TOP ? usable : solid;
    const right = Math.min(0.36 * width, 16 + 6.9 * Math.max(0, ...named.map((line) => line.name.length)));
    const across = scale(
      usable.flatMap((line) => line.xs),
      x,
      LEFT,
      width - right,
    );
    const up = scale(
      usable.flatMap((line) => line.ys),
      y,
      base,
      TOP,
    );
    const ends = spread(
      named.map((line) => up.place(line.ys[line.ys.length - 1])),
      base - 2,
    );
    svg.replaceChildren(
      ...axes(across, up, x, y, width - right, base),
      ...usable.map((line) =>
        s("polyline", {
          class: `line${line.dashed ? " dashed" : ""}`,
          style: `stroke: ${line.colour}`,
          "data-line": line.name,
          points: line.xs
            .map((value, i) => `${across.place(value).toFixed(1)},${up.place(line.ys[i]).toFixed(1)}`)
            .join(" "),
        }),
      ),
      ...named.flatMap((line, i) => label(line, across.place(line.xs[line.xs.length - 1]), ends[i], width - right)),
    );
    set(svg, "viewBox", `0 0 ${width} ${height}`);
  });
  return element;
}

/**
 * A logarithmic axis has no place for zero, and one that has a least value shows nothing below it.
 * @param {Line} line
 * @param {Axis} x
 * @param {Axis} y
 * @returns {Line}
 */
function drawable(line, x, y) {
  const fits = (/** @type {number} */ value, /** @type {Axis} */ axis) =>
    Number.isFinite(value) && value !== null && (!axis.log || value > 0) && value >= (axis.least ?? -Infinity);
  const kept = line.xs.map((_, i) => i).filter((i) => fits(line.xs[i], x) && fits(line.ys[i], y));
  return { ...line, xs: kept.map((i) => line.xs[i]), ys: kept.map((i) => line.ys[i]) };
}

/**
 * @param {number[]} values
 * @param {Axis} axis
 * @param {number} from
 * @param {number} to
 * @returns {Scale}
 */
function scale(values, axis, from, to) {
  let [low, high] = values.length
    ? values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity])
    : [0, 1];
  if (axis.log) {
    const [least, most] = [Math.log10(low), Math.log10(high === low ? low * 10 : high)];
    return {
      place: (value) => from + ((Math.log10(value) - least) / (most - least)) * (to - from),
      ticks: decades(least, most),
    };
  }
  low = Math.min(0, low);
  if (high === low) high = low + 1;
  return {
    place: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: even(low, high, axis.share ?? false),
  };
}

/**
 * Powers of ten that are not too many; where there are not two, numbers between.
 * @param {number} least as a power of ten
 * @param {number} most
 */
export function decades(least, most) {
  const whole = [];
  for (let power = Math.ceil(least - 1e-9); power <= Math.floor(most + 1e-9); power++) whole.push(power);
  const every = Math.ceil(whole.length / 6) || 1;
  const ticks = whole
    .filter((power) => power % every === 0)
    .map((power) => ({ value: 10 ** power, text: tenTo(power) }));
  if (ticks.length > 1) return ticks;
  const [low, high] = [10 ** least, 10 ** most];
  return [1, 2, 5]
    .flatMap((m) => [Math.floor(least), Math.floor(most)].map((p) => m * 10 ** p))
    .filter((value, i, all) => value >= low * 0.999 && value <= high * 1.001 && all.indexOf(value) === i)
    .map((value) => ({ value, text: String(Number(value.toPrecision(1))) }));
}

/**
 * @param {number} low
 * @param {number} high
 * @param {boolean} share
 */
function even(low, high, share) {
  const rough = (high - low) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= rough) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    const value = i * step;
    ticks.push({ value, text: share ? percent(value) : tidy(value, step) });
  }
  return ticks;
}

/**
 * @param {number} value
 * @param {number} step
 */
const tidy = (value, step) => value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))).replace("-", "−");

/**
 * @param {Scale} across
 * @param {Scale} up
 * @param {Axis} x
 * @param {Axis} y
 * @param {number} right
 * @param {number} base
 */
function axes(across, up, x, y, right, base) {
  return [
    ...up.ticks.flatMap(({ value, text }) => [
      s("line", { class: "grid", x1: LEFT, x2: right, y1: up.place(value), y2: up.place(value) }),
      s("text", { class: "tick", x: LEFT - 7, y: up.place(value) + 4, "text-anchor": "end" }, text),
    ]),
    s("line", { class: "axis", x1: LEFT, x2: right, y1: base, y2: base }),
    ...across.ticks.map(({ value, text }) =>
      s("text", { class: "tick", x: across.place(value), y: base + 16, "text-anchor": "middle" }, text),
    ),
    s("text", { class: "title", x: (LEFT + right) / 2, y: base + BOTTOM - 6, "text-anchor": "middle" }, x.title),
    s("text", { class: "title", x: 0, y: 13 }, y.title),
  ];
}

/**
 * @param {Line} line
 * @param {number} x
 * @param {number} y
 * @param {number} right
 */
function label(line, x, y, right) {
  const text = s("text", { class: "name", x: right + 8, y: y + 4, style: `fill: ${line.colour}` }, line.name);
  const gap =
    right - x > 12
      ? s("line", { class: "leader", x1: x + 4, x2: right + 4, y1: y, y2: y, style: `stroke: ${line.colour}` })
      : null;
  return gap ? [gap, text] : [text];
}

/**
 * Places near those asked for, none closer to another than a line of text.
 * @param {number[]} asked
 * @param {number} lowest
 */
function spread(asked, lowest) {
  const order = asked.map((_, i) => i).sort((a, b) => asked[a] - asked[b]);
  const found = [...asked];
  order.forEach((i, rank) => {
    if (rank) found[i] = Math.max(found[i], found[order[rank - 1]] + APART);
  });
  const over = Math.max(0, (found[order[order.length - 1]] ?? 0) - lowest);
  if (over) {
    let below = Infinity;
    for (const i of [...order].reverse()) {
      found[i] = Math.min(found[i], below - APART, lowest);
      below = found[i];
    }
  }
  return found;
}
