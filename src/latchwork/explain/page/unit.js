// @ts-check
/** One unit: its numbers now, where it fires, what opens and closes it, how its values are spread. */

import { h, s, shown } from "page/dom.js";
import { number, short, steps } from "page/format.js";
import { at, named, place } from "page/run.js";

/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").CellMemory} CellMemory */
/** @typedef {import("page/types.js").UnitFacts} UnitFacts */
/** @typedef {import("page/types.js").TaskView} TaskView */

const MOST = 6;

/**
 * @param {Cell} cell
 * @param {Layer} layer
 * @param {CellMemory | null} memory what was measured of this layer, or null
 * @param {number} unit
 * @param {boolean} measured whether anything was measured over data
 * @param {TaskView} task
 * @param {{close: () => void, pin: () => void, pinned: boolean}} acts
 */
export function unitPanel(cell, layer, memory, unit, measured, task, acts) {
  const facts = memory?.units?.find((found) => found.unit === unit) ?? null;
  const half = memory?.half_life ? memory.half_life[unit] : undefined;
  const now = h("dl", { class: "now" });
  const head = h(
    "div",
    { class: "unithead" },
    h("h4", {}, `Unit ${unit} of ${cell.name}`),
    h(
      "button",
      {
        type: "button",
        id: "unit-pin",
        class: "plain",
        onclick: acts.pin,
        "aria-pressed": String(acts.pinned),
        "aria-label": "Pin to compare",
        title: "Keep this unit's lines to compare with others",
      },
      acts.pinned ? "Pinned" : "Pin",
    ),
    h(
      "button",
      {
        type: "button",
        id: "unit-close",
        class: "plain",
        onclick: acts.close,
        "aria-label": "Back to the mean of all units",
      },
      "Close",
    ),
  );
  const life =
    half === undefined
      ? null
      : h(
          "p",
          {},
          half === null
            ? "Its keep gates never let half of the memory go: half-life "
            : "By its gate alone, half of what it holds is gone after ",
          shown(half, steps(half), { class: "figure", "data-what": "half-life" }),
          ".",
        );
  const element = h(
    "section",
    { class: "unit", "aria-label": `Unit ${unit}` },
    head,
    life,
    now,
    ...(facts ? about(cell, facts, task) : [nothing(memory, measured)]),
  );

  /** @param {number} step */
  function show(step) {
    now.replaceChildren(
      ...named(layer).flatMap((name) => {
        const numbers = at(layer, name, step);
        const i = place(layer, unit, numbers.length);
        return i < 0
          ? []
          : [
              h(
                "div",
                {},
                h("dt", {}, name),
                h("dd", { "data-value": numbers[i], "data-name": name }, number(numbers[i])),
              ),
            ];
      }),
    );
  }
  return { element, show };
}

/**
 * @param {CellMemory | null} memory
 * @param {boolean} measured
 */
function nothing(memory, measured) {
  const elsewhere = measured
    ? "Where units fire is measured in the last layer, read from the start."
    : "Where units fire was not measured: that takes more rows.";
  return h("p", { class: "note" }, memory ? "Nothing more was measured of this unit." : elsewhere);
}

/**
 * @param {Cell} cell
 * @param {UnitFacts} facts
 * @param {TaskView} task
 */
function about(cell, facts, task) {
  return [
    facts.fires?.length
      ? group(
          "Where it fires",
          h("ul", { class: "fires" }, ...facts.fires.slice(0, MOST).map((found) => fires(found, task))),
        )
      : null,
    facts.opens?.length ? group("Opens its keep gate", ranked(facts.opens, task)) : null,
    facts.closes?.length ? group("Closes it", ranked(facts.closes, task)) : null,
    Object.keys(facts.histograms).length
      ? group(
          "How its values are spread",
          h(
            "div",
            { class: "histograms" },
            ...Object.entries(facts.histograms).map(([name, bins]) => histogram(name, bins, isShare(cell, name))),
          ),
        )
      : null,
  ];
}

/**
 * @param {string} title
 * @param {Node} content
 */
export const group = (title, content) => h("div", { class: "group" }, h("h5", {}, title), content);

/**
 * @param {{words: string[], at: number, value: number}} found
 * @param {TaskView} task
 */
function fires({ words, at, value }, task) {
  const text = words
    .map(task.name)
    .flatMap((word, i) => [i && !task.tight ? " " : "", i === at ? h("mark", {}, word) : short(word, 24)]);
  return h("li", {}, h("span", { class: "amount", "data-value": value }, number(value)), h("bdi", {}, ...text));
}

/**
 * @param {[string, number, ...any][]} words
 * @param {TaskView} task
 * @param {(share: number) => string} [text]
 */
export const ranked = (words, task, text = number) =>
  h(
    "ul",
    { class: "ranked" },
    ...words
      .slice(0, MOST)
      .map(([word, value]) =>
        h(
          "li",
          {},
          h("bdi", {}, short(task.name(word), 24)),
          h("span", { class: "bar", style: `--share: ${Math.max(0, Math.min(1, value))}`, "aria-hidden": "true" }),
          h("span", { class: "amount", "data-value": value }, text(value)),
        ),
      ),
  );

/**
 * Whether a value lies between 0 and 1, as what a σ yields; its histogram then goes from 0 to 1, not from −1.
 * @param {Cell} cell
 * @param {string} name
 */
const isShare = (cell, name) =>
  cell.diagram?.nodes.some((node) => node.value === name && node.symbol.startsWith("σ")) ?? false;

/**
 * @param {string} name
 * @param {number[]} bins from 0, or −1, to 1
 * @param {boolean} share whether from 0
 */
function histogram(name, bins, share) {
  const most = Math.max(1, ...bins);
  const total = bins.reduce((a, b) => a + b, 0);
  const bars = bins.map((count, i) =>
    s("rect", {
      x: i * 5,
      width: 4.2,
      y: 40 - (38 * count) / most,
      height: (38 * count) / most,
      "data-value": count,
    }),
  );
  const peak = bins.indexOf(Math.max(...bins));
  // What lies beyond the range was counted at its ends.
  const ends = share ? ["0", "1"] : ["≤ −1", "≥ 1"];
  const label = `${name}: ${total} values in ${bins.length} bins from ${ends[0]} to ${ends[1]}, most in bin ${peak + 1}`;
  return h(
    "figure",
    {},
    s(
      "svg",
      { viewBox: `0 0 ${bins.length * 5} 41`, role: "img", "aria-label": label, preserveAspectRatio: "none" },
      ...bars,
      s("line", { class: "axis", x1: 0, x2: bins.length * 5, y1: 40.5, y2: 40.5 }),
    ),
    h("div", { class: "range", "aria-hidden": "true" }, h("span", {}, ends[0]), h("span", {}, ends[1])),
    h("figcaption", {}, name),
  );
}
