// @ts-check
/** The geometry of a wire: a line of horizontal and vertical pieces with rounded corners. */

/** @typedef {[number, number]} Point */
/** @typedef {import("page/types.js").Part} Part */

const CORNER = 8;
const HEAD = 5;

/**
 * The line from border to border, where it was given from centre to centre.
 * @param {Point[]} points
 * @param {Part | undefined} from
 * @param {Part | undefined} to
 * @returns {Point[]}
 */
export function trimmed(points, from, to) {
  const line = points.map((point) => /** @type {Point} */ ([...point]));
  if (line.length < 2) return line;
  line[0] = border(line[0], line[1], from);
  line[line.length - 1] = border(line[line.length - 1], line[line.length - 2], to);
  return line;
}

/**
 * @param {Point} end
 * @param {Point} next
 * @param {Part | undefined} node
 * @returns {Point}
 */
function border(end, next, node) {
  if (!node) return end;
  const [x, y] = end;
  const inside = Math.abs(x - node.x) < node.w / 2 - 0.5 && Math.abs(y - node.y) < node.h / 2 - 0.5;
  if (!inside) return end;
  if (next[0] === x) return [x, node.y + (Math.sign(next[1] - y) * node.h) / 2];
  return [node.x + (Math.sign(next[0] - x) * node.w) / 2, y];
}

/**
 * @param {Point[]} points
 * @returns {string} an SVG path
 */
export function outline(points) {
  const [first, ...rest] = points;
  let path = `M${first}`;
  rest.forEach((corner, i) => {
    const next = rest[i + 1];
    const before = points[i];
    if (!next) {
      path += `L${corner}`;
      return;
    }
    const r = Math.min(CORNER, span(before, corner) / 2, span(corner, next) / 2);
    path += `L${towards(corner, before, r)}Q${corner} ${towards(corner, next, r)}`;
  });
  return path;
}

/**
 * The arrow's head at the end of the line.
 * @param {Point[]} points
 */
export function arrow(points) {
  const end = points[points.length - 1];
  const back = towards(end, points[points.length - 2] ?? end, HEAD);
  const [dx, dy] = [(end[1] - back[1]) * 0.6, (back[0] - end[0]) * 0.6];
  return `M${end}L${back[0] + dx} ${back[1] + dy}L${back[0] - dx} ${back[1] - dy}Z`;
}

/**
 * Where the wires of one value part.
 * @param {Point[][]} lines
 * @returns {Point[]}
 */
export function partings(lines) {
  const pieces = lines.flatMap((points) =>
    points.slice(1).map((b, i) => /** @type {[Point, Point]} */ ([points[i], b])),
  );
  const corners = new Map(lines.flat().map((point) => [String(point), point]));
  return [...corners.values()].filter(([x, y]) => {
    const ways = new Set();
    for (const [[ax, ay], [bx, by]] of pieces) {
      if (ax === bx && ax === x) reached(ay, by, y, "v", ways);
      if (ay === by && ay === y) reached(ax, bx, x, "h", ways);
    }
    return ways.size > 2;
  });
}

/**
 * Adds the directions in which a piece leads away from a place on it.
 * @param {number} a
 * @param {number} b
 * @param {number} at
 * @param {string} axis
 * @param {Set<string>} ways
 */
function reached(a, b, at, axis, ways) {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  if (at < low || at > high) return;
  if (low < at) ways.add(`${axis}-`);
  if (high > at) ways.add(`${axis}+`);
}

/**
 * The point after `share` of the line.
 * @param {Point[]} points
 * @param {number} share
 * @returns {Point}
 */
export function along(points, share) {
  const total = points.slice(1).reduce((sum, point, i) => sum + span(points[i], point), 0);
  let left = share * total;
  for (let i = 1; i < points.length; i++) {
    const piece = span(points[i - 1], points[i]);
    if (left <= piece) return towards(points[i - 1], points[i], left);
    left -= piece;
  }
  return points[points.length - 1];
}

/**
 * @param {Point} a
 * @param {Point} b
 */
const span = (a, b) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);

/**
 * @param {Point} from
 * @param {Point} to
 * @param {number} by
 * @returns {Point}
 */
function towards(from, to, by) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  return [from[0] + ((to[0] - from[0]) * by) / length, from[1] + ((to[1] - from[1]) * by) / length];
}
