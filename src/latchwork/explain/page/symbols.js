// @ts-check
/** Characters as they can be seen. */

/** @type {Record<string, string>} */
const SEEN = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍", "\u00a0": "⍽" };

/**
 * Blanks and line breaks with a sign of their own; what a text begins with is named.
 * @param {string | null} symbol null is the text's end
 */
export const visible = (symbol) =>
  symbol === null ? "end" : symbol === "start" ? "▸" : symbol.replace(/[ \n\t\r\u00a0]/g, (c) => SEEN[c]);
