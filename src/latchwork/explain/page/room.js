// @ts-check
/** Where texts beside the parts of a picture stand: in the corner with the least in the way. */

/** @typedef {import("page/types.js").Diagram} Diagram */
/** @typedef {import("page/types.js").Part} Part */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */

const LETTER = 6.4;
const LINE = 12;
const FIGURE = 5; // letters that a number needs
const BESIDE = 4; // the wire that leaves a box in its middle
const CIRCLES = ["joint", "valve"];

/**
 * For each part the lower left corner of its name, where it stands beside it, and of its number.
 * @param {Diagram} diagram
 * @returns {Map<string, {label: [number, number] | null, figure: [number, number]}>}
 */
export function texts(diagram) {
  const taken = [
    ...diagram.nodes.map(around),
    ...diagram.wires.flatMap(({ points }) =>
      points
        .slice(1)
        .map((b, i) =>
          box(
            Math.min(points[i][0], b[0]),
            Math.min(points[i][1], b[1]),
            Math.max(points[i][0], b[0]),
            Math.max(points[i][1], b[1]),
            2,
          ),
        ),
    ),
  ];
  const put = (/** @type {Part} */ node, /** @type {number} */ letters) => {
    const places = corners(node, letters * LETTER).map((place) => ({ place, cost: crowding(place, taken, diagram) }));
    const { place } = places.reduce((best, next) => (next.cost < best.cost ? next : best));
    taken.push(place);
    return /** @type {[number, number]} */ ([place.left - node.x, place.bottom - 3 - node.y]);
  };
  return new Map(
    diagram.nodes.map((node) => {
      const label = hasNameBeside(node, diagram) ? put(node, (node.label ?? "").length) : null;
      return [node.id, { label, figure: put(node, FIGURE) }];
    }),
  );
}

/**
 * Names of boxes stand in them; one that the next part repeats is left out.
 * @param {Part} node
 * @param {Diagram} diagram
 */
function hasNameBeside(node, diagram) {
  if (!node.label || !["joint", "valve", "function"].includes(node.kind)) return false;
  const results = new Set(diagram.nodes.filter((n) => n.kind === "result").map((n) => n.id));
  return !diagram.wires.some((wire) => wire.from === node.id && wire.value === node.value && results.has(wire.to));
}

/**
 * The rooms for a text about a part, the best first.
 * @param {Part} node
 * @param {number} width
 * @returns {Box[]}
 */
function corners(node, width) {
  const round = CIRCLES.includes(node.kind);
  const dx = round ? node.w * 0.36 + 2 : BESIDE;
  const dy = round ? node.h * 0.36 : node.h / 2;
  const shifts = round ? [dx] : [dx, node.w / 2 + 3];
  return shifts.flatMap((shift) =>
    [false, true].flatMap((below) => {
      const top = below ? node.y + dy + 1 : node.y - dy - LINE - 1;
      return [node.x + shift, node.x - shift - width].map((left) => ({
        left,
        top,
        right: left + width,
        bottom: top + LINE,
      }));
    }),
  );
}

/**
 * @param {Box} place
 * @param {Box[]} taken
 * @param {Diagram} diagram
 */
function crowding(place, taken, diagram) {
  const outside = place.left < 0 || place.top < 0 || place.right > diagram.width || place.bottom > diagram.height;
  const overlaps = taken.filter(
    (other) =>
      place.left < other.right && other.left < place.right && place.top < other.bottom && other.top < place.bottom,
  );
  return overlaps.length + (outside ? 5 : 0);
}

/** @param {Part} node */
const around = (node) => box(node.x - node.w / 2, node.y - node.h / 2, node.x + node.w / 2, node.y + node.h / 2, 0);

/**
 * @param {number} left
 * @param {number} top
 * @param {number} right
 * @param {number} bottom
 * @param {number} more
 * @returns {Box}
 */
const box = (left, top, right, bottom, more) => ({
  left: left - more,
  top: top - more,
  right: right + more,
  bottom: bottom + more,
});
