// @ts-check
/** The report's data: found in the page, checked, and its arrays unpacked on demand. */

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/types.js").Packed} Packed */
/** @typedef {import("page/types.js").Matrix} Matrix */

const FORMAT = "latchwork-report";
const VERSION = 1;

/** @type {WeakMap<Packed, Matrix>} */
const unpacked = new WeakMap();

/**
 * The data of this page.
 * @param {Document} page
 * @returns {Report}
 */
export function read(page) {
  const text = page.getElementById("report-data")?.textContent;
  if (!text) throw new Error("this page holds no report data");
  const report = JSON.parse(text);
  if (report.format !== FORMAT || report.version !== VERSION) {
    throw new Error(`this page shows ${FORMAT} version ${VERSION}, and the data is ${report.format} ${report.version}`);
  }
  return report;
}

/**
 * A packed array as numbers; unpacked once, however often it is asked for.
 * @param {Packed} packed
 * @returns {Matrix}
 */
export function matrix(packed) {
  let found = unpacked.get(packed);
  if (!found) {
    const rows = packed.shape[0] ?? 0;
    found = { rows, columns: packed.shape[1] ?? 1, data: numbers(packed.float32) };
    unpacked.set(packed, found);
  }
  return found;
}

/**
 * @param {Matrix} values
 * @param {number} row
 */
export const row = (values, row) => values.data.subarray(row * values.columns, (row + 1) * values.columns);

/** @param {string} base64 little-endian float32 */
function numbers(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
