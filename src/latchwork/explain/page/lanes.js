// @ts-check
/** What the lanes of the timeline show: words, what moved, the prediction, the gates, the units. */

import { h, modified, shown } from "page/dom.js";
import { cellRgb, css, diverging, palette } from "page/colour.js";
import { number, percent, short, signed } from "page/format.js";
import { matrix, row } from "page/data.js";
import { limit, shares, values } from "page/run.js";
import { className } from "page/text.js";

/** @typedef {import("page/timeline.js").Lane} Lane */
/** @typedef {import("page/timeline.js").Sight} Sight */
/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").Decision} Decision */
/** @typedef {import("page/types.js").Gate} Gate */
/** @typedef {import("page/colour.js").Rgb} Rgb */

const FONT = "12px system-ui, sans-serif";
const LONGEST = 14; // characters of a word
const AXIS = 46; // pixels for the numbers at the end of a gate's lane

/**
 * The words, level where they fit and slanted where they do not.
 * @param {string[]} words
 * @param {boolean} [tight] whether they are single characters, which stand level however narrow
 * @returns {Lane}
 */
export function wordsLane(words, tight = false) {
  const names = words.map((word) => short(word, LONGEST));
  const longest = widest(names);
  const level = (/** @type {number} */ slot) => tight || longest + 8 <= slot;
  return {
    name: "words",
    label: [],
    height: (slot) => (level(slot) ? 26 : 74),
    tail: (slot) => (level(slot) ? 0 : 44),
    draw({ context, from, to, x, slot, height, step }) {
      const every = level(slot) ? 1 : Math.ceil(15 / slot);
      for (let t = from; t < to; t++) {
        if (t % every && t !== step) continue;
        if (t !== step && every > 1 && Math.abs(t - step) < every) continue;
        context.save();
        context.font = t === step ? `600 ${FONT}` : FONT;
        context.fillStyle = css(t === step ? palette().ink : palette().soft);
        context.translate(x(t) + slot / 2, height - 8);
        context.textAlign = level(slot) ? "center" : "left";
        if (!level(slot)) context.rotate(-0.9);
        context.fillText(names[t], 0, 0);
        context.restore();
      }
    },
    hint: (t) => words[t],
  };
}

/**
 * Numbers of steps, as many as there is room for.
 * @param {string[]} steps "step 401"
 * @returns {Lane}
 */
export function numbersLane(steps) {
  const names = steps.map((step) => step.replace("step ", ""));
  const longest = widest(names);
  return {
    name: "steps",
    label: [h("span", { class: "soft" }, "step")],
    height: 26,
    draw({ context, from, to, x, slot, height, step }) {
      const every = Math.ceil((longest + 16) / slot);
      context.textAlign = "center";
      for (let t = from; t < to; t++) {
        if (t !== step && (t % every || Math.abs(t - step) < every)) continue;
        context.font = t === step ? `600 ${FONT}` : FONT;
        context.fillStyle = css(t === step ? palette().ink : palette().soft);
        context.fillText(names[t], x(t) + slot / 2, height - 8);
      }
    },
    hint: (t) => steps[t],
  };
}

/**
 * How much room the widest name takes, in pixels.
 * @param {string[]} names
 */
function widest(names) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return Infinity;
  context.font = `600 ${FONT}`;
  return names.reduce((most, name) => Math.max(most, context.measureText(name).width), 0);
}

/**
 * What each step moved, as bars; what its loss alone costs, as dots.
 * @param {Decision} run
 * @param {string[]} words
 * @returns {Lane}
 */
export function movedLane(run, words) {
  const moved = matrix(run.moved).data;
  const occluded = run.occluded ? matrix(run.occluded).data : null;
  const most = [...moved, ...(occluded ?? [])].reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  return {
    name: "moved the decision",
    label: ["Moved the decision"],
    height: 84,
    draw({ context, from, to, x, slot, width, height }) {
      const middle = height / 2;
      const up = (/** @type {number} */ value) => middle - (value / most) * (middle - 8);
      line(context, x(from), middle, Math.min(width, x(to)), middle, palette().line);
      const wide = Math.min(26, Math.max(2, slot * 0.56));
      for (let t = from; t < to; t++) {
        const centre = x(t) + slot / 2;
        context.fillStyle = css(moved[t] >= 0 ? palette().towards : palette().away);
        context.fillRect(
          centre - wide / 2,
          Math.min(middle, up(moved[t])),
          wide,
          Math.max(1, Math.abs(up(moved[t]) - middle)),
        );
        if (!occluded) continue;
        context.beginPath();
        context.arc(centre, up(occluded[t]), Math.min(3.2, slot / 4), 0, 7);
        context.fillStyle = css(palette().ink);
        context.fill();
      }
    },
    says: (t) => [
      shown(moved[t], `▮ ${signed(moved[t])}`, { "data-what": "moved" }),
      ...(occluded ? [" ", shown(occluded[t], `● ${signed(occluded[t])}`, { "data-what": "occluded" })] : []),
    ],
    hint: (t) =>
      `${words[t]}: moved ${signed(moved[t])}${occluded ? `; taken out alone, ${signed(occluded[t])} lost` : ""}`,
  };
}

/**
 * The prediction had the sequence ended at each step, a line a class.
 * @param {Decision} run
 * @param {string[]} classes
 * @param {string[]} words
 * @param {number} colour place of the cell
 * @returns {Lane}
 */
export function growsLane(run, classes, words, colour) {
  const grows = matrix(run.grows);
  const K = grows.columns;
  const order = Array.from({ length: K }, (_, k) => k).sort((a, b) => run.probabilities[a] - run.probabilities[b]);
  return {
    name: "prediction as it grows",
    label: ["Prediction"],
    height: 92,
    draw({ context, from, to, x, slot, width, height }) {
      const up = (/** @type {number} */ p) => height - 8 - p * (height - 16);
      for (const p of [0, 0.5, 1]) line(context, x(from), up(p), Math.min(width, x(to)), up(p), palette().line);
      order.forEach((k) => {
        const main = k === run.predicted;
        context.strokeStyle = main ? css(cellRgb(colour)) : css(palette().soft, 0.8);
        context.lineWidth = main ? 2.5 : 1.2;
        context.setLineDash(main ? [] : [4, 3]);
        context.beginPath();
        for (let t = from; t < to; t++) context.lineTo(x(t) + slot / 2, up(grows.data[t * K + k]));
        if (to - from === 1) context.arc(x(from) + slot / 2, up(grows.data[from * K + k]), 2, 0, 7);
        context.stroke();
      });
      context.setLineDash([]);
      if (K > 4 || to < words.length || slot * (to - from) < 200) return;
      context.font = FONT;
      context.textAlign = "right";
      context.fillStyle = css(palette().soft);
      let above = Infinity;
      for (const k of order) {
        const y = up(grows.data[(to - 1) * K + k]);
        const text = above === Infinity ? Math.min(height - 2, y + 13) : Math.max(10, y - 5);
        if (above - text > 12) context.fillText(short(className(classes, k), 20), x(to) - 4, text);
        above = text;
      }
    },
    says: (t) => {
      const p = grows.data[t * K + run.predicted];
      return [
        h("bdi", {}, short(className(classes, run.predicted), 12)),
        " ",
        shown(p, percent(p), { "data-what": "grows" }),
      ];
    },
    hint: (t) =>
      `${words[t]}: ${[...order]
        .reverse()
        .slice(0, 4)
        .map((k) => `${className(classes, k)} ${percent(grows.data[t * K + k])}`)
        .join(", ")}`,
  };
}

/**
 * How far a gate is open at each step: the mean filled, the middle half of the units behind, chosen units as lines.
 * @param {string} what
 * @param {Gate} gate
 * @param {Layer} layer
 * @param {number} colour place of the cell
 * @param {() => number[]} chosen units
 * @param {string[]} words
 * @returns {Lane | null} null where the gate was not recorded
 */
export function gateLane(what, gate, layer, colour, chosen, words) {
  const mean = shares(layer, gate, null);
  const all = values(layer, gate.value);
  if (!mean || !all) return null;
  const share = (/** @type {number} */ value) => (gate.complement ? 1 - value : value);
  const bands = Array.from(mean, (_, t) => {
    const [a, b] = middle(row(all, t)).map(share);
    return { low: Math.min(a, b), high: Math.max(a, b) };
  });
  const units = () =>
    chosen().flatMap((unit) => {
      const one = shares(layer, gate, unit);
      return one ? [one] : [];
    });
  return {
    name: what,
    label: [h("b", {}, what), h("span", { class: "soft" }, ` ${gate.label}`)],
    height: 66,
    tail: () => AXIS,
    draw({ context, from, to, x, slot, width, height }) {
      const lines = units();
      const scale = span(mean, bands, lines);
      const up = (/** @type {number} */ p) => height - 8 - ((p - scale.low) / (scale.high - scale.low)) * (height - 16);
      const own = css(cellRgb(colour));
      const end = Math.min(width - AXIS, x(to));
      context.font = FONT;
      context.textAlign = "left";
      context.fillStyle = css(palette().soft);
      for (const p of [scale.low, scale.high]) {
        line(context, x(from), up(p), end, up(p), palette().line);
        context.fillText(percent(p), end + 6, up(p) + 4);
      }
      for (let t = from; t < to; t++) {
        context.globalAlpha = 0.22;
        context.fillStyle = own;
        context.fillRect(x(t), up(bands[t].high), slot - 1, up(bands[t].low) - up(bands[t].high));
        context.globalAlpha = 1;
        context.fillRect(x(t), up(mean[t]) - 1.5, slot - 1, 3);
      }
      lines.forEach((one, i) => {
        context.strokeStyle = css(palette().ink);
        context.lineWidth = 1.6;
        context.setLineDash([[], [5, 3], [2, 2], [8, 3, 2, 3]][i % 4]);
        context.beginPath();
        for (let t = from; t < to; t++) context.lineTo(x(t) + slot / 2, up(one[t]));
        context.stroke();
      });
      context.setLineDash([]);
    },
    says: (t) => {
      const [unit] = chosen();
      const main = unit === undefined ? mean : shares(layer, gate, unit);
      if (!main) return [];
      return [shown(main[t], `${percent(main[t])}${unit === undefined ? "" : ` unit ${unit}`}`, { "data-what": what })];
    },
    hint: (t) =>
      `${words[t]}: ${what} ${percent(mean[t])} on the mean${chosen()
        .map((unit) => ({ unit, one: shares(layer, gate, unit) }))
        .map(({ unit, one }) => (one ? `, unit ${unit} ${percent(one[t])}` : ""))
        .join("")}`,
  };
}

/**
 * The units' values as a heat map; a click chooses a unit.
 * @param {string} name of the value
 * @param {Layer} layer
 * @param {() => number | null} chosen
 * @param {(unit: number, besides: boolean) => void} choose
 * @param {string[]} words
 * @returns {Lane | null}
 */
export function heatLane(name, layer, chosen, choose, words) {
  const all = values(layer, name);
  if (!all) return null;
  const U = all.columns;
  const known = U === layer.units.length;
  const height = Math.round(Math.min(Math.max(110, U * 5), 360));
  const most = limit(layer, name);
  const unitAt = (/** @type {number} */ y) => Math.min(U - 1, Math.max(0, Math.floor((y / height) * U)));
  const unitOf = (/** @type {number} */ place) => (known ? layer.units[place] : place);
  const scratch = document.createElement("canvas");
  const pick = (/** @type {number} */ place) => known && choose(layer.units[place], false);
  const key = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (!by || !known || modified(event)) return;
    event.preventDefault();
    const unit = chosen();
    const from = unit === null ? (by > 0 ? -1 : U) : layer.units.indexOf(unit);
    pick(Math.min(U - 1, Math.max(0, from + by)));
  };
  return {
    name: "units",
    label: [h("b", {}, name), h("span", { class: "soft" }, ` ${U} units`)],
    height,
    attributes: {
      tabindex: 0,
      role: "slider",
      "aria-orientation": "vertical",
      "aria-valuemin": 0,
      "aria-valuemax": U - 1,
      "aria-valuenow": 0,
      class: "heat",
      onkeydown: key,
    },
    draw({ context, from, to, x, slot, width, height }) {
      scratch.width = to - from;
      scratch.height = U;
      const flat = scratch.getContext("2d");
      if (!flat || to <= from) return;
      const pixels = flat.createImageData(to - from, U);
      for (let t = from; t < to; t++) {
        for (let u = 0; u < U; u++) {
          const [r, g, b] = diverging(all.data[t * U + u], most);
          pixels.data.set([r, g, b, 255], 4 * (u * (to - from) + t - from));
        }
      }
      flat.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(scratch, x(from), 0, (to - from) * slot, height);
      frame(context, chosen(), layer, U, height, x(0), Math.min(width, x(to)) - x(0));
    },
    says: (t) => {
      const unit = chosen();
      const place = unit === null || !known ? -1 : layer.units.indexOf(unit);
      if (place < 0) return [];
      const value = all.data[t * U + place];
      return [h("span", {}, `unit ${unit}:`), " ", shown(value, number(value), { "data-what": "unit" })];
    },
    hint: (t, y) => `${words[t]}, unit ${unitOf(unitAt(y))}: ${name} = ${number(all.data[t * U + unitAt(y)])}`,
    press: (y) => pick(unitAt(y)),
  };
}

/**
 * A frame about the chosen unit's row.
 * @param {CanvasRenderingContext2D} context
 * @param {number | null} unit
 * @param {Layer} layer
 * @param {number} U
 * @param {number} height
 * @param {number} left
 * @param {number} width
 */
function frame(context, unit, layer, U, height, left, width) {
  const place = unit === null || U !== layer.units.length ? -1 : layer.units.indexOf(unit);
  if (place < 0) return;
  const high = height / U;
  context.strokeStyle = css(palette().ink);
  context.lineWidth = 1.5;
  const top = Math.min(height - 4, Math.max(1, place * high - 0.75));
  context.strokeRect(left + 0.75, top, width - 1.5, Math.max(3, Math.min(high + 1.5, height - top - 1)));
}

/**
 * The part of 0 to 1 that a gate's lane shows: all of it, or where that would look flat, what holds all it draws, in
 * tenths or twentieths.
 * @param {Float64Array} mean
 * @param {{low: number, high: number}[]} bands
 * @param {Float64Array[]} lines
 */
function span(mean, bands, lines) {
  let [low, high] = [1, 0];
  const take = (/** @type {number} */ value) => {
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  mean.forEach(take);
  for (const band of bands) [band.low, band.high].forEach(take);
  for (const one of lines) one.forEach(take);
  if (high - low > 0.5) return { low: 0, high: 1 };
  const grain = high - low > 0.2 ? 10 : 20;
  const [below, above] = [Math.floor(low * grain) / grain, Math.ceil(high * grain) / grain];
  return { low: Math.max(0, below), high: Math.min(1, above > below ? above : below + 1 / grain) };
}

/**
 * The quartiles.
 * @param {Float32Array} numbers
 */
function middle(numbers) {
  const sorted = Float32Array.from(numbers).sort();
  return [
    sorted[Math.floor(sorted.length / 4)],
    sorted[Math.min(sorted.length - 1, Math.floor((3 * sorted.length) / 4))],
  ];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {Rgb} colour
 */
function line(context, x1, y1, x2, y2, colour) {
  context.strokeStyle = css(colour);
  context.lineWidth = 1;
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x1, Math.round(y1) + 0.5);
  context.lineTo(x2, Math.round(y2) + 0.5);
  context.stroke();
}
