// @ts-check
/** The illustrated cell: its parts and wires as SVG, filled with the numbers of one step. */

import { s, set } from "page/dom.js";
import { brief, number, percent } from "page/format.js";
import { at, limit, one, place } from "page/run.js";
import { flow } from "page/flow.js";
import { paint, strip } from "page/strip.js";
import { texts } from "page/room.js";
import { arrow, outline, partings, trimmed } from "page/wire.js";

/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").Part} Part */
/** @typedef {import("page/types.js").Wire} Wire */
/** @typedef {import("page/types.js").Diagram} Diagram */
/** @typedef {{layer: Layer, step: number, unit: number | null}} Frame */
/** @typedef {{node: Part, element: SVGGElement, previous: boolean, cells: SVGRectElement[], mark: SVGElement | null,
 *   number: SVGTextElement, jaws: SVGPathElement[], open: number}} Drawn */

const MARGIN = 10;
const ROOMY = 40; // a box of this height has room for its name
const LARGEST = 1.3; // a small cell is not blown up to the width of the page
const NARROWEST = 460; // pixels; with less, its letters could not be read
const SMALL = 28; // and one of less has room for small letters only
const ENDS = ["input", "state", "result"];
const BOXES = ["input", "state", "result", "gate", "map", "function"];

/**
 * @param {Cell} cell
 * @param {string} colour of the cell, as CSS
 * @param {(node: Part | null, pin: boolean) => void} look a part is pointed at or chosen
 */
export function cellPicture(cell, colour, look) {
  const { width, height, nodes, wires } = cell.diagram;
  const beside = texts(cell.diagram);
  const drawn = nodes.map((node) => drawNode(node, wires, beside.get(node.id)));
  const packets = s("g", { class: "packets", "aria-hidden": "true" });
  const element = s(
    "svg",
    {
      class: "picture",
      viewBox: `${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}`,
      role: "group",
      "aria-label": `The ${cell.name} cell at one step`,
      style: `--own: ${colour}; --least: ${Math.min(width, NARROWEST)}px; --most: ${LARGEST * width}px`,
    },
    body(cell.diagram),
    s("g", { "aria-hidden": "true" }, ...nets(cell.diagram)),
    packets,
    ...drawn.map((part) => part.element),
  );
  const moving = flow(cell.diagram, packets);

  for (const part of drawn) {
    const on = () => look(part.node, false);
    const off = () => look(null, false);
    part.element.addEventListener("pointerenter", on);
    part.element.addEventListener("focus", on);
    part.element.addEventListener("pointerleave", off);
    part.element.addEventListener("blur", off);
    part.element.addEventListener("click", () => look(part.node, true));
    part.element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      look(part.node, true);
    });
  }

  /**
   * Show a step; over `time` milliseconds if that is more than nothing.
   * @param {Frame} frame
   * @param {number} time
   */
  function show(frame, time) {
    const goals = drawn.map((part) => ({ from: part.open, to: opening(part, frame) }));
    moving.run(frame, time, {
      arrive: (id) => drawn.filter((part) => part.node.id === id).forEach((part) => fillNode(part, frame)),
      progress: (id, share) => {
        const i = drawn.findIndex((part) => part.node.id === id);
        const { from, to } = goals[i];
        open(drawn[i], to === null ? null : from + share * (to - from));
      },
    });
  }

  /** @param {string | null} id */
  const mark = (id) => drawn.forEach((part) => set(part.element, "aria-pressed", String(part.node.id === id)));
  return { element, show, mark };
}

/**
 * What lies within the cell: all but what enters and leaves.
 * @param {Diagram} diagram
 */
function body({ nodes, width, height }) {
  const edge = (/** @type {string} */ kind, /** @type {(node: Part) => number} */ of) =>
    nodes.filter((n) => n.kind === kind).map(of);
  const left = Math.max(0, ...edge("state", (n) => n.x + n.w / 2)) + 8;
  const right = Math.min(width, ...edge("result", (n) => n.x - n.w / 2)) - 8;
  const bottom = Math.min(height, ...edge("input", (n) => n.y - n.h / 2)) - 8;
  return s("rect", {
    class: "cellbody",
    x: left,
    y: 2,
    width: Math.max(0, right - left),
    height: Math.max(0, bottom - 2),
    rx: 16,
  });
}

/**
 * The wires, those of one part together; each has a gap where it passes over another, and highways pass over all.
 * @param {Diagram} diagram
 */
function nets({ nodes, wires }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const isBus = (/** @type {string} */ id) => byId.get(id)?.kind === "joint" && !byId.get(id)?.symbol;
  const lines = wires.map((wire) => ({ wire, points: trimmed(wire.points, byId.get(wire.from), byId.get(wire.to)) }));
  const sources = [...new Set(wires.map((wire) => wire.from))];
  const onWay = new Set(wires.filter((wire) => wire.highway).map((wire) => wire.from));
  const ordered = [...sources.filter((id) => !onWay.has(id)), ...sources.filter((id) => onWay.has(id))];
  return ordered.map((id) => {
    const own = lines
      .filter(({ wire }) => wire.from === id)
      .sort((a, b) => Number(a.wire.highway) - Number(b.wire.highway));
    const dots = partings(own.map(({ points }) => points)).map(([cx, cy]) =>
      s("circle", { class: onWay.has(id) ? "parting way" : "parting", cx, cy, r: 2.6 }),
    );
    return s(
      "g",
      {},
      ...own.map(({ points }) => s("path", { class: "under", d: outline(points) })),
      ...own.map(({ wire, points }) =>
        s(
          "g",
          { class: `wire${wire.highway ? " highway" : ""}` },
          s("path", { d: outline(points) }),
          isBus(wire.to) ? null : s("path", { class: "head", d: arrow(points) }),
        ),
      ),
      ...dots,
    );
  });
}

/**
 * @param {Part} node
 * @param {Wire[]} wires
 * @param {{label: [number, number] | null, figure: [number, number]} | undefined} beside
 * @returns {Drawn}
 */
function drawNode(node, wires, beside) {
  const { w, h } = node;
  const radius = Math.min(w, h) / 2;
  const bus = node.kind === "joint" && !node.symbol;
  const element = s("g", {
    class: `node ${node.kind}${bus ? " bus" : ""}`,
    transform: `translate(${node.x} ${node.y})`,
    tabindex: bus ? null : 0,
    role: bus ? null : "button",
    "aria-pressed": "false",
    "data-node": node.id,
  });
  const box = BOXES.includes(node.kind);
  element.append(
    box
      ? s("rect", {
          class: "body",
          x: -w / 2,
          y: -h / 2,
          width: w,
          height: h,
          rx: ENDS.includes(node.kind) ? h / 2 : 7,
        })
      : s("circle", { class: "body", r: radius }),
  );
  const jaws = node.kind === "valve" ? [s("path", { class: "jaw" }), s("path", { class: "jaw" })] : [];
  if (jaws.length) {
    element.append(
      s("g", { transform: sideways(node, wires) ? "" : "rotate(90)" }, ...jaws),
      s("circle", { class: "ring", r: radius }),
    );
  }
  const inner = node.symbol || (box ? node.label : "") || "";
  const within = box && h >= ROOMY && node.label !== null && node.label !== inner;
  const cells = box ? strip(element, w - (ENDS.includes(node.kind) ? h / 2 : 12), h) : [];
  element.append(
    s("text", { class: h < SMALL ? "symbol small" : "symbol", y: within ? -h / 2 + 11 : box ? -3.5 : 0 }, inner),
  );
  if (within) element.append(s("text", { class: "label", y: 2 }, node.label));
  if (beside?.label)
    element.append(s("text", { class: "besidename", x: beside.label[0], y: beside.label[1] }, node.label));
  const figure = s("text", { class: "number", x: beside?.figure[0] ?? 0, y: beside?.figure[1] ?? 0 });
  const mark = cells.length ? s("path", { class: "mark", display: "none", d: "M-2.5 4 0 0l2.5 4z" }) : null;
  element.append(figure, ...(mark ? [mark] : []));
  // Where a state enters, it holds what the step before left.
  return { node, element, previous: node.kind === "state", cells, mark, number: figure, jaws, open: 0 };
}

/**
 * Whether what a valve lets through comes from the side.
 * @param {Part} node
 * @param {Wire[]} wires
 */
function sideways(node, wires) {
  const into = wires.filter((wire) => wire.to === node.id && wire.value !== node.opens);
  const main = into.find((wire) => wire.highway) ?? into[0];
  if (!main) return true;
  const [a, b] = main.points.slice(-2);
  return Math.abs(a[1] - b[1]) < Math.abs(a[0] - b[0]);
}

/**
 * @param {Drawn} part
 * @param {Frame} frame
 */
function fillNode(part, frame) {
  const { node } = part;
  const numbers = at(frame.layer, node.value, frame.step, part.previous);
  const most = limit(frame.layer, node.value);
  paint(part.cells, numbers, most);
  const unit = place(frame.layer, frame.unit, numbers.length);
  const gate = node.kind === "valve" ? at(frame.layer, node.opens, frame.step) : NOTHING;
  let text = "";
  let value = null;
  if (gate.length && unit < 0) {
    value = one(frame.layer, gate, frame.unit);
    text = value === null ? "" : percent(value);
  } else if (numbers.length && unit >= 0) {
    value = numbers[unit];
    text = brief(value);
  }
  part.number.textContent = text;
  set(part.number, "data-value", value);
  set(part.element, "aria-label", spoken(node, numbers, gate, frame));
  if (part.mark) {
    set(part.mark, "display", unit < 0 ? "none" : null);
    const width = part.cells.length ? Number(part.cells[0].getAttribute("x")) : 0;
    const x = width + (-2 * width * (unit + 0.5)) / (numbers.length || 1);
    set(part.mark, "transform", `translate(${x} ${node.h / 2 - 3.5})`);
  }
}

const NOTHING = new Float32Array(0);

/**
 * How far a valve is open: what its gate is, for the unit or on the mean; null for other parts.
 * @param {Drawn} part
 * @param {Frame} frame
 */
function opening(part, frame) {
  const numbers = at(frame.layer, part.node.opens, frame.step);
  if (!part.jaws.length || !numbers.length) return null;
  return one(frame.layer, numbers, frame.unit);
}

/**
 * Draw the jaws of a valve that is `share` open.
 * @param {Drawn} part
 * @param {number | null} share null where that is not known
 */
function open(part, share) {
  set(part.element, "data-open", share);
  if (share === null) {
    for (const jaw of part.jaws) set(jaw, "d", null);
    return;
  }
  part.open = share;
  const r = Math.min(part.node.w, part.node.h) / 2;
  const gap = r * Math.min(1, Math.max(0, share));
  const reach = Math.sqrt(Math.max(0, r * r - gap * gap));
  set(part.jaws[0], "d", `M${-reach} ${-gap}A${r} ${r} 0 0 1 ${reach} ${-gap}Z`);
  set(part.jaws[1], "d", `M${-reach} ${gap}A${r} ${r} 0 0 0 ${reach} ${gap}Z`);
}

/**
 * @param {Part} node
 * @param {Float32Array} numbers
 * @param {Float32Array} gate
 * @param {Frame} frame
 */
function spoken(node, numbers, gate, frame) {
  const name = node.label ?? node.value?.replace(/^#.*/, "") ?? "";
  const open = gate.length ? one(frame.layer, gate, frame.unit) : null;
  const is = open !== null ? `valve, ${percent(open)} open` : `${node.kind} ${name}`;
  const reads = node.reads ? ` (${node.reads})` : "";
  const value = numbers.length ? one(frame.layer, numbers, frame.unit) : null;
  return `${is}${reads}${value === null ? "" : `, ${frame.unit === null ? "mean " : ""}${number(value)}`}`;
}
