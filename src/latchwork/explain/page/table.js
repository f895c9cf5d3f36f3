// @ts-check
/** Numbers as a table, for those who read rather than look. It is made when it is opened. */

import { h } from "page/dom.js";

/** @typedef {{text: string, value?: number | null}} Entry */

/**
 * @param {string} summary
 * @param {string[]} heads
 * @param {() => (Entry | string)[][]} rows
 */
export function tableOnDemand(summary, heads, rows) {
  const box = h("div", { class: "scroll tablebox", tabindex: 0, role: "region", "aria-label": summary });
  const element = h("details", { class: "asTable" }, h("summary", {}, summary), box);
  const fill = () => {
    if (!element.open) return;
    const head = h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)));
    box.replaceChildren(h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows().map(line))));
  };
  element.addEventListener("toggle", fill);
  return { element, refresh: fill };
}

/** @param {(Entry | string)[]} entries */
const line = (entries) =>
  h(
    "tr",
    {},
    ...entries.map((entry) =>
      typeof entry === "string"
        ? h("td", {}, h("bdi", {}, entry))
        : h("td", { "data-value": entry.value ?? null }, entry.text),
    ),
  );
