// @ts-check
/** A series, and the forecast from the present step: the median, the interval, and what came. */

import { h, shown } from "page/dom.js";
import { number, percent } from "page/format.js";
import { cellRgb, css } from "page/colour.js";
import { matrix } from "page/data.js";
import { forecastPlot } from "page/forecast_plot.js";

/** @typedef {import("page/types.js").Looked} Looked */
/** @typedef {import("page/types.js").TaskView} TaskView */

/** @type {TaskView} */
export const forecast = {
  reading(looked) {
    const { sequence, store, run } = looked;
    if (!run.forecast) return { parts: [], show() {} };
    const found = seriesOf(looked, 0);
    const plot = forecastPlot(looked, (channel) => seriesOf(looked, channel));
    const head = h(
      "div",
      { class: "cardhead" },
      h("p", { class: "says" }, ...says(looked, found)),
      found.channels > 1 ? channelChoice(found.channels, store) : null,
    );
    const left = (sequence.part?.channels ?? 1) - found.channels;
    return {
      parts: [
        head,
        plot.element,
        key(looked, found),
        left > 0
          ? h("p", { class: "note" }, `${left} more channel${left === 1 ? " is" : "s are"} forecast and not shown.`)
          : null,
      ],
      show: plot.show,
    };
  },
  tells(looked) {
    if (!looked.run.forecast) return () => [];
    return (step) => {
      const found = seriesOf(looked, looked.store.view().channel);
      const [low, middle, high] = found.at(step, 0);
      const came = found.value(step + 1);
      return [
        " From here the next is forecast at ",
        shown(middle, number(middle), { "data-what": "median", class: "figure" }),
        `, with ${found.sure} between `,
        shown(low, number(low), { "data-what": "low" }),
        " and ",
        shown(high, number(high), { "data-what": "high" }),
        ...(Number.isFinite(came) ? ["; ", shown(came, number(came), { "data-what": "came" }), " came"] : []),
        ".",
        ...within(found, step),
      ];
    };
  },
  lanes(looked) {
    return looked.run.forecast ? [seriesLane(looked)] : [];
  },
  columns(looked) {
    if (!looked.run.forecast) return [];
    const found = seriesOf(looked, 0);
    return [
      { name: "value", get: (t) => found.value(t), text: (v) => (Number.isFinite(v) ? number(v) : "missing") },
      { name: "next, low", get: (t) => found.at(t, 0)[0], text: number },
      { name: "next, median", get: (t) => found.at(t, 0)[1], text: number },
      { name: "next, high", get: (t) => found.at(t, 0)[2], text: number },
    ];
  },
  title: ({ steps, part }) => {
    const which = part && part.of > 1 ? `series ${part.series} of ${part.of}, ` : "";
    return `${which}${(steps[0] ?? "").replace("step", "steps")} to ${(steps[steps.length - 1] ?? "").replace("step ", "")}`;
  },
  name: (step) => step,
  opening: ({ steps }) => Math.floor(steps.length * 0.6),
  speeds: [1, 2, 4, 8, 16],
  speed: 4,
  rows: "stretches of the series",
  words: "steps",
  numbered: true,
  wide: true,
};

/**
 * A channel of the series and its forecasts.
 * @param {Looked} looked
 * @param {number} channel
 */
export function seriesOf({ sequence, run }, channel) {
  const told = /** @type {import("page/types.js").Forecast} */ (run.forecast);
  const series = matrix(/** @type {import("page/types.js").Packed} */ (sequence.series));
  const ahead = sequence.ahead ? matrix(sequence.ahead) : { rows: 0, columns: 1, data: new Float32Array() };
  const quantiles = matrix(told.channels[channel]);
  const T = series.rows;
  return {
    steps: T,
    total: T + told.horizon,
    horizon: told.horizon,
    channels: told.channels.length,
    sure: percent(told.levels[2] - told.levels[0]),
    levels: told.levels,
    /** The value at a step, also after the last one that is shown; NaN where it is missing. */
    value: (/** @type {number} */ t) =>
      t < T
        ? series.data[t * series.columns + channel]
        : t - T < ahead.rows
          ? ahead.data[(t - T) * ahead.columns + channel]
          : NaN,
    /** The three quantiles so many steps after the one that follows a step. */
    at: (/** @type {number} */ t, /** @type {number} */ steps) =>
      /** @type {[number, number, number]} */ (
        [0, 1, 2].map((q) => quantiles.data[t * quantiles.columns + steps * 3 + q])
      ),
    quantiles: quantiles.data,
  };
}

/**
 * @param {ReturnType<typeof seriesOf>} found
 * @param {number} step
 */
function within(found, step) {
  let [there, inside] = [0, 0];
  for (let i = 0; i < found.horizon; i++) {
    const value = found.value(step + 1 + i);
    if (!Number.isFinite(value)) continue;
    const [low, , high] = found.at(step, i);
    there++;
    if (value >= low && value <= high) inside++;
  }
  if (!there) return [];
  return [
    ` Of the ${there} steps ahead that are known, `,
    shown(inside, String(inside), { "data-what": "inside" }),
    " came within the interval.",
  ];
}

/**
 * @param {Looked} looked
 * @param {ReturnType<typeof seriesOf>} found
 */
const says = ({ cell, sequence }, found) => [
  `${cell.name} forecasts `,
  h("b", {}, `${found.horizon} step${found.horizon === 1 ? "" : "s"}`),
  " from each step",
  h("span", { class: "soft" }, ` · ${forecast.title(sequence)}`),
];

/**
 * @param {number} channels
 * @param {import("page/store.js").Store} store
 */
function channelChoice(channels, store) {
  const change = (/** @type {any} */ event) => store.set({ channel: Number(event.target.value) });
  const options = Array.from({ length: channels }, (_, i) =>
    h("option", { value: i, selected: i === store.view().channel }, `channel ${i + 1}`),
  );
  return h("label", { class: "choice" }, "Shown", h("select", { id: "channel", onchange: change }, ...options));
}

/**
 * @param {Looked} looked
 * @param {ReturnType<typeof seriesOf>} found
 */
function key({ sequence }, { sure }) {
  const fitted = sequence.fitted ?? null;
  return h(
    "p",
    { class: "key forecastkey" },
    h("span", {}, h("i", { class: "known", "aria-hidden": "true" }), " known by the present step"),
    h("span", {}, h("i", { class: "came", "aria-hidden": "true" }), " came afterwards"),
    h("span", {}, h("i", { class: "median", "aria-hidden": "true" }), " forecast, median"),
    h("span", {}, h("i", { class: "band", "aria-hidden": "true" }), ` interval that should hold ${sure}`),
    fitted === 0 ? h("span", {}, "the models were fitted on none of this") : null,
    fitted !== null && fitted > 0 && fitted < sequence.steps.length
      ? h("span", {}, h("i", { class: "fitted", "aria-hidden": "true" }), " the models were not fitted on what follows")
      : null,
  );
}

/**
 * The series along the gates.
 * @param {Looked} looked
 * @returns {import("page/timeline.js").Lane}
 */
function seriesLane(looked) {
  const { store, index, sequence } = looked;
  const T = sequence.steps.length;
  const now = () => seriesOf(looked, store.view().channel);
  return {
    name: "series",
    label: ["Series"],
    height: 72,
    draw({ context, from, to, x, slot, height }) {
      const found = now();
      const all = Array.from({ length: T }, (_, t) => found.value(t)).filter(Number.isFinite);
      const low = all.reduce((a, b) => Math.min(a, b), Infinity);
      const span = all.reduce((a, b) => Math.max(a, b), -Infinity) - low || 1;
      context.strokeStyle = css(cellRgb(index));
      context.lineWidth = 1.8;
      context.beginPath();
      let drawn = false;
      for (let t = from; t < to; t++) {
        const value = found.value(t);
        const y = height - 6 - ((value - low) / span) * (height - 12);
        if (Number.isFinite(value)) context[drawn ? "lineTo" : "moveTo"](x(t) + slot / 2, y);
        drawn = Number.isFinite(value);
      }
      context.stroke();
    },
    says: (t) => {
      const value = now().value(t);
      return [Number.isFinite(value) ? shown(value, number(value), { "data-what": "value" }) : "missing"];
    },
    hint: (t) => `${sequence.steps[t]}: ${Number.isFinite(now().value(t)) ? number(now().value(t)) : "missing"}`,
  };
}
