// @ts-check
/** A vector as a row of coloured cells. */

import { s, set } from "page/dom.js";
import { css, diverging } from "page/colour.js";
import { mean } from "page/run.js";

const HEIGHT = 5;
const FLOOR = 4; // to the lower border

/**
 * A row of cells, a cell a unit, or a cell a few neighbours where there are more units than room.
 * @param {SVGGElement} element
 * @param {number} width
 * @param {number} height
 */
export function strip(element, width, height) {
  const count = Math.max(4, Math.floor(width / 3));
  const one = width / count;
  const cells = Array.from({ length: count }, (_, i) =>
    s("rect", { x: -width / 2 + i * one, y: height / 2 - HEIGHT - FLOOR, width: one - 0.4, height: HEIGHT }),
  );
  element.append(s("g", { class: "strip" }, ...cells));
  return cells;
}

/**
 * Colour a strip; where there are fewer cells than units, a cell is the mean of its neighbours, which are alike.
 * @param {Element[]} cells
 * @param {Float32Array} numbers
 * @param {number} most
 */
export function paint(cells, numbers, most) {
  const used = Math.min(cells.length, numbers.length);
  cells.forEach((cell, i) => {
    const from = Math.floor((i * numbers.length) / cells.length);
    const to = Math.max(from + 1, Math.floor(((i + 1) * numbers.length) / cells.length));
    const value = used ? mean(numbers.subarray(from, to)) : 0;
    set(cell, "fill", used ? css(diverging(value, most)) : "none");
  });
}
