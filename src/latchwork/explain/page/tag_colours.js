// @ts-check
/** A colour for each tag, the same on the whole page; of many tags the frequent ones have one. */

import { palette } from "page/colour.js";

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/colour.js").Rgb} Rgb */

const COLOURS = 8; // more could not be told apart, least of all by the colour-blind
const SPAN = /^[BIESLU]-/; // begins, goes on with, ends or is a span
const OUTSIDE = "O";

/** @type {WeakMap<Report, ReturnType<typeof assigned>>} */
const known = new WeakMap();

/** @param {Report} report */
export function tagColours(report) {
  const found = known.get(report) ?? assigned(report);
  known.set(report, found);
  return found;
}

/** @param {Report} report */
function assigned(report) {
  const spans = report.classes.every((label) => label === OUTSIDE || SPAN.test(label));
  // The parts of a span belong together.
  const kind = (/** @type {string} */ label) => (spans ? label.replace(SPAN, "") : label);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { runs } of report.sequences) {
    for (const { tag } of Object.values(runs)) {
      for (const [k] of tag?.likely ?? []) {
        const name = kind(report.classes[k]);
        if (!spans || name !== OUTSIDE) counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
  }
  const used = [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const order = [...new Set([...used, ...report.classes.map(kind)])].filter((name) => !spans || name !== OUTSIDE);
  const place = (/** @type {string} */ label) => {
    const at = order.indexOf(kind(label));
    return at < COLOURS ? at : -1;
  };
  return {
    shared: order.length > COLOURS,
    solid: (/** @type {string} */ label) =>
      place(label) < 0 ? "rgb(var(--tag-none))" : `rgb(var(--tag-${place(label)}))`,
    rgb: (/** @type {string} */ label) => palette().tags[place(label)] ?? palette().untagged,
    ink: () => palette().ink,
  };
}
