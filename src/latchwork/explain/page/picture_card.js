// @ts-check
/** The picture with what is said about its parts, and the step as a table. */

import { h, shown } from "page/dom.js";
import { number, percent } from "page/format.js";
import { at, mean, named, one, place } from "page/run.js";
import { cellPicture } from "page/picture.js";
import { scaleKey } from "page/key.js";
import { tableOnDemand } from "page/table.js";

/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").View} View */
/** @typedef {import("page/types.js").Part} Part */

/**
 * The picture, what is pointed at, and the step as a table.
 * @param {Cell} cell
 * @param {Layer} layer
 * @param {string} colour
 */
export function pictureCard(cell, layer, colour) {
  /** @type {Part | null} */
  let pinned = null;
  /** @type {Part | null} */
  let pointed = null;
  /** @type {View | null} */
  let view = null;
  const facts = h("div", { class: "facts", id: `facts-${cell.name}` });
  const picture = cellPicture(cell, colour, (node, pin) => {
    if (pin) pinned = pinned?.id === node?.id ? null : node;
    else pointed = node;
    picture.mark(pinned?.id ?? null);
    tell();
  });
  const table = tableOnDemand("This step as a table", ["value", "formula", "mean", "least", "most", "unit"], () => {
    const now = view;
    return now ? named(layer).map((name) => tableRow(cell, layer, name, now)) : [];
  });
  const element = h("div", {}, h("div", { class: "picturebox" }, picture.element), scaleKey(), table.element);

  function tell() {
    const node = pointed ?? pinned;
    if (!view) return;
    facts.replaceChildren(
      ...(node
        ? describe(cell, layer, node, view)
        : [h("span", { class: "soft" }, "Point at a part of the picture to see its formula and numbers.")]),
    );
  }
  return {
    element,
    facts,
    /** @type {(next: View, time: number) => void} */
    show(next, time) {
      view = next;
      picture.show({ layer, step: next.step, unit: next.unit }, time);
      tell();
      table.refresh();
    },
  };
}

/**
 * @param {Cell} cell
 * @param {Layer} layer
 * @param {string} name
 * @param {View} view
 */
function tableRow(cell, layer, name, view) {
  const numbers = at(layer, name, view.step);
  const i = place(layer, view.unit, numbers.length);
  const entry = (/** @type {number} */ value) => ({ text: number(value), value });
  return [
    name,
    formulaOf(cell, name),
    entry(mean(numbers)),
    entry(Math.min(...numbers)),
    entry(Math.max(...numbers)),
    i < 0 ? "–" : entry(numbers[i]),
  ];
}

/**
 * @param {Cell} cell
 * @param {string | null} name
 */
const formulaOf = (cell, name) => cell.formula.find((line) => line.name === `${name}[t]`)?.expression ?? "";

/**
 * @param {Cell} cell
 * @param {Layer} layer
 * @param {Part} node
 * @param {View} view
 * @returns {Node[]}
 */
function describe(cell, layer, node, view) {
  const before = node.kind === "state";
  const title = node.label || (node.kind === "valve" ? "valve" : (KINDS[node.kind] ?? node.kind));
  const formula = before ? `what ${node.value ?? title} was after the step before` : formulaOf(cell, node.value);
  const numbers = at(layer, node.value, view.step, before);
  const i = place(layer, view.unit, numbers.length);
  const gate = at(layer, node.opens, view.step);
  const opener = node.opens?.startsWith("#") ? "its gate" : node.opens;
  const parts = [
    h("b", {}, title),
    h("span", { class: "soft" }, ` ${KINDS[node.kind] && node.label ? KINDS[node.kind] : ""}`),
  ];
  const open = gate.length ? one(layer, gate, view.unit) : null;
  if (open !== null) parts.push(h("span", {}, ` open ${percent(open)}, as ${opener} says`));
  if (node.reads) parts.push(h("code", {}, node.reads));
  if (formula) parts.push(h("code", {}, before ? formula : `${node.value}[t] = ${formula}`));
  if (!numbers.length) return [...parts, h("span", { class: "soft" }, "its numbers are not recorded")];
  const figures = [
    ["mean", mean(numbers)],
    ["least", Math.min(...numbers)],
    ["most", Math.max(...numbers)],
  ];
  if (i >= 0) figures.unshift([`unit ${view.unit}`, numbers[i]]);
  return [
    ...parts,
    h(
      "span",
      { class: "figures" },
      ...figures.map(([what, value]) =>
        h("span", {}, `${what} `, shown(Number(value), number(Number(value)), { class: "figure" })),
      ),
    ),
  ];
}

/** @type {Record<string, string>} */
const KINDS = {
  input: "input",
  state: "state of the step before",
  result: "new state",
  gate: "learned, with its activation",
  map: "learned map",
  function: "unit by unit",
  joint: "unit by unit",
  valve: "valve",
};
