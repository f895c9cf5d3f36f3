// @ts-check
/** Colours: of values, of cells, of words. They come from style.css, so that light and dark have their own. */

/** @typedef {[number, number, number]} Rgb */
/** @typedef {{ink: Rgb, soft: Rgb, line: Rgb, zero: Rgb, plus: Rgb, minus: Rgb, towards: Rgb, away: Rgb, focus: Rgb,
 *   cells: Rgb[], tags: Rgb[], untagged: Rgb}} Palette */

const CELLS = 6;
const TAGS = 8;
/** @type {Palette | null} */
let current = null;

/** The colours of the present scheme. */
export function palette() {
  if (current) return current;
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => rgb(style.getPropertyValue(`--${name}`));
  current = {
    ink: colour("ink"),
    soft: colour("soft"),
    line: colour("line"),
    zero: colour("zero"),
    plus: colour("plus"),
    minus: colour("minus"),
    towards: colour("towards"),
    away: colour("away"),
    focus: colour("focus"),
    cells: Array.from({ length: CELLS }, (_, i) => colour(`cell-${i}`)),
    tags: Array.from({ length: TAGS }, (_, i) => colour(`tag-${i}`)),
    untagged: colour("tag-none"),
  };
  return current;
}

/**
 * Calls back when the reader turns light into dark or back.
 * @param {() => void} redraw
 */
export function onScheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    current = null;
    redraw();
  });
}

/**
 * A value on the diverging scale: zero is neutral.
 * @param {number} value
 * @param {number} limit the value that has the full colour
 * @returns {Rgb}
 */
export function diverging(value, limit) {
  const { zero, plus, minus } = palette();
  // The root shows small values, of which there are most.
  const share = Math.sqrt(Math.min(1, Math.abs(value) / (limit || 1)));
  const end = value < 0 ? minus : plus;
  const mix = (/** @type {number} */ i) => Math.round(zero[i] + share * (end[i] - zero[i]));
  return [mix(0), mix(1), mix(2)];
}

/**
 * @param {Rgb} colour
 * @param {number} [alpha]
 */
export const css = (colour, alpha = 1) => `rgb(${colour[0]} ${colour[1]} ${colour[2]} / ${alpha})`;

/**
 * A cell's colour as a CSS value that follows the scheme.
 * @param {number} place of the cell in the report
 */
export const cellColour = (place) => `rgb(var(--cell-${place % CELLS}))`;

/** @param {number} place of the cell in the report */
export const cellRgb = (place) => palette().cells[place % CELLS];

/** @param {string} text "29 36 48" */
const rgb = (text) => /** @type {Rgb} */ (text.trim().split(/\s+/).map(Number));
