// @ts-check
/** How to read the picture. */

import { h } from "page/dom.js";

/** The scale of values, and what the shapes are. */
export function scaleKey() {
  return h(
    "div",
    { class: "key" },
    h(
      "span",
      {},
      "− ",
      h("i", { class: "ramp", role: "img", "aria-label": "violet for negative, pale for zero, amber for positive" }),
      " +",
    ),
    h("span", {}, h("i", { class: "valvekey", "aria-hidden": "true" }), " a valve opens as far as its gate says"),
    h("span", {}, h("i", { class: "waykey", "aria-hidden": "true" }), " where memory is kept"),
  );
}
