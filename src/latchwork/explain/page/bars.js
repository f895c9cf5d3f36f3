// @ts-check
/** Probabilities as bars with their names, the most probable first. */

import { h, set } from "page/dom.js";
import { percent } from "page/format.js";

/**
 * @typedef {Object} Bar
 * @property {string} name
 * @property {number} share
 * @property {string} [mark] what it is beside: "came", "true"
 * @property {string} [colour]
 * @property {string} [note] stands before it, where it is not next in order
 */

/**
 * So many rows of bars, filled anew at each step, so that nothing moves about.
 * @param {string} title
 * @param {number} count
 * @param {string} what the number is, for scripts
 */
export function bars(title, count, what) {
  const head = h("h4", { class: "barstitle" }, title);
  const rows = Array.from({ length: count }, () => {
    const name = h("bdi", { class: "barname" });
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    const amount = h("span", { class: "amount", "data-what": what });
    const mark = h("span", { class: "barmark" });
    return { element: h("li", {}, name, bar, amount, mark), name, bar, amount, mark };
  });
  const element = h("div", { class: "bars" }, head, h("ul", {}, ...rows.map((row) => row.element)));

  /**
   * @param {Bar[]} found
   * @param {string} said the title
   */
  function show(found, said) {
    head.textContent = said;
    rows.forEach((row, i) => {
      const bar = found[i];
      set(row.element, "class", `${bar ? "" : "empty"}${bar?.mark ? " marked" : ""}` || null);
      row.name.textContent = bar ? `${bar.note ?? ""}${bar.name}` : "\u00a0";
      row.amount.textContent = bar ? percent(bar.share, bar.share < 0.0995 ? 1 : 0) : "";
      row.mark.textContent = bar?.mark ?? "";
      set(row.amount, "data-value", bar ? bar.share : null);
      set(row.bar, "style", bar ? `--share: ${bar.share}${bar.colour ? `; --bar: ${bar.colour}` : ""}` : "--share: 0");
    });
  }
  return { element, show };
}
