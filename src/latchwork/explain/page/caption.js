// @ts-check
/** What happens at a step, in plain words. */

import { h, shown } from "page/dom.js";
import { percent, short } from "page/format.js";
import { anyGate, isWhole, shares } from "page/run.js";

/** @typedef {import("page/types.js").Cell} Cell */
/** @typedef {import("page/types.js").Diagram} Diagram */
/** @typedef {import("page/types.js").Layer} Layer */
/** @typedef {import("page/types.js").Gate} Gate */
/** @typedef {import("page/types.js").View} View */

/**
 * @param {Cell} cell
 * @param {Layer | undefined} layer
 * @param {string} name what the step is called
 * @param {(Node | string)[]} tells what the task says of it
 * @param {View} view
 * @returns {(Node | string)[]}
 */
export function caption(cell, layer, name, tells, { step, unit, absent }) {
  const missing = layer && unit !== null && !layer.units.includes(unit) ? unit : absent;
  const where = unit === null || missing !== null ? "" : ` in unit ${unit}`;
  const start = ["At ", h("b", {}, "“", h("bdi", {}, short(name, 40)), "”"), `${where}: `];
  return [
    ...(missing === null ? [] : [`Unit ${missing} is not in the file for this sequence; what follows are means. `]),
    ...start,
    ...gates(cell, layer, step, missing === null ? unit : null),
    ...tells,
  ];
}

/**
 * @param {Cell} cell
 * @param {Layer | undefined} layer
 * @param {number} step
 * @param {number | null} unit
 * @returns {(Node | string)[]}
 */
function gates(cell, layer, step, unit) {
  const { keep, write, expose } = cell.gates;
  const memory = anyGate(cell)?.of;
  if (memory === undefined) return ungated(cell);
  /** @type {(Node | string)[][]} */
  const parts = [];
  /** @type {(what: string, gate: Gate | null, does: string, done: string, of: string, gated?: string) => void} */
  const say = (what, gate, does, done, of, gated) => {
    const share = gate && layer ? shares(layer, gate, unit)?.[step] : undefined;
    if (!gate || share === undefined) return;
    const figure = shown(share, percent(share), { "data-what": what, class: "figure" });
    // Of more than a gate, the picture's valves show but a part.
    if (isWhole(gate)) parts.push([figure, ` of ${of} ${done} (${gate.label})`]);
    else parts.push([gated ?? `the ${gate.label} ${does} `, figure, ` of ${of}`]);
  };
  const whole = wayOf(cell.diagram, memory)?.every((part) => part.symbol === "+");
  if (!keep) parts.push([whole ? `all of ${memory} is kept` : `no gate lets go of ${memory}`]);
  const writes = keep && write?.label === keep.label ? "writes " : undefined;
  say("keep", keep, "keeps", "is kept", memory);
  say("write", write, "lets in", "is let in", "the new content", writes);
  say("expose", expose, "shows", "is shown", expose?.of ?? memory);
  return parts.flatMap((part, i) => [...(i ? [i === parts.length - 1 ? " and " : ", "] : []), ...part]).concat(".");
}

/**
 * What is said of a cell without a gate: some keep their state unit by unit all the same, by weights.
 * @param {Cell} cell
 */
function ungated({ states, output, diagram }) {
  const [all, it] =
    states.length > 1 ? [`${states.join(" and ")} are`, "they were"] : [`${output} is`, `${output} was`];
  const ways = states.map((state) => wayOf(diagram, state));
  const byUnit = states.filter((_, i) =>
    ways[i]?.every((part) => part.symbol === "+" || BY_WEIGHTS.includes(part.kind)),
  );
  if (byUnit.length)
    return [`no gates here: what a unit keeps of ${byUnit.join(" and ")} is set for good, not chosen step by step.`];
  const how = ways.some((way) => way) ? "computed" : "computed afresh";
  const valves = diagram?.nodes.some((node) => node.symbol.startsWith("σ"));
  const none = valves ? "no gate alone says what is kept here" : "no gates here";
  return [`${none}: ${all} ${how} from the input and what ${it} before.`];
}

const BY_WEIGHTS = ["gate", "map", "function"];

/**
 * The parts that a state passes through where it is kept unit by unit; null where it is not.
 * @param {Diagram | null} diagram
 * @param {string} state
 */
function wayOf(diagram, state) {
  const parts = [];
  let at = diagram?.nodes.find((node) => node.kind === "state" && node.value === state);
  while (diagram && at && parts.length < diagram.nodes.length) {
    const from = at.id;
    const to = diagram.wires.find((wire) => wire.highway && wire.from === from)?.to;
    at = diagram.nodes.find((node) => node.id === to);
    if (at?.kind === "result") return at.value === state ? parts : null;
    if (at) parts.push(at);
  }
  return null;
}
