// @ts-check
/** Numbers as people read them. */

const THIN = "\u202f";

/**
 * 0.314 → "31 %".
 * @param {number} share
 * @param {number} [digits]
 */
export const percent = (share, digits = 0) => `${minus((100 * share).toFixed(digits))}${THIN}%`;

/**
 * Two decimals with their sign, and no sign on nothing.
 * @param {number} value
 */
export function signed(value) {
  const text = value.toFixed(2);
  if (text === "0.00" || text === "-0.00") return "0.00";
  return value > 0 ? `+${text}` : minus(text);
}

/**
 * Three digits that count.
 * @param {number} value
 */
export function number(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001 || size >= 1e5) {
    const [mantissa, power] = value.toExponential(1).split("e");
    return minus(`${mantissa.replace(/\.0$/, "")}×10${superscript(Number(power))}`);
  }
  return minus(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2));
}

/**
 * Two decimals, where there is little room.
 * @param {number} value
 */
export const brief = (value) => (Math.abs(value) < 0.005 ? "0.00" : minus(value.toFixed(2)));

/**
 * A power of ten as an axis shows it: 0.01, 1, 10⁻⁶.
 * @param {number} power
 */
export const tenTo = (power) => (power >= -3 && power <= 4 ? String(Number(`1e${power}`)) : `10${superscript(power)}`);

/**
 * A half-life.
 * @param {number | null} steps null for never
 */
export const steps = (steps) => (steps === null ? "never" : `${number(steps)}${THIN}step${steps === 1 ? "" : "s"}`);

/**
 * Long words get an ellipsis; whole characters stay whole.
 * @param {string} text
 * @param {number} most
 */
export function short(text, most) {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

/** @param {string} text */
const minus = (text) => text.replace("-", "−");

/** @param {number} power */
function superscript(power) {
  const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  return [...String(power)].map((c) => (c === "-" ? "⁻" : digits[Number(c)])).join("");
}
