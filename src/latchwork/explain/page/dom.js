// @ts-check
/** Elements without innerHTML: texts from the data can never become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An HTML element. Attributes whose value is null or false are left out; `on…` takes a listener.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/**
 * An SVG element, likewise.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/**
 * A number on the page: readable text, with the full number in `data-value`.
 * @param {number | null | undefined} value
 * @param {string} text
 * @param {Record<string, any>} [attributes]
 */
export const shown = (value, text, attributes = {}) => h("span", { ...attributes, "data-value": value ?? null }, text);

/**
 * @param {Element} element
 * @param {Record<string, any>} attributes
 * @param {Child[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * Whether a key is held with another, which gives it a meaning of the browser's or the system's.
 * @param {KeyboardEvent} event
 */
export const modified = (event) => event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;

/**
 * @param {Element} element
 * @param {string} name
 * @param {any} value null or false takes the attribute away
 */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}
