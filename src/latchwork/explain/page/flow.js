// @ts-check
/** A step in motion: values travel along the wires, part after part, in the order in which they are computed. */

import { s, set } from "page/dom.js";
import { at, limit } from "page/run.js";
import { along } from "page/wire.js";
import { paint } from "page/strip.js";

/** @typedef {import("page/types.js").Diagram} Diagram */
/** @typedef {import("page/types.js").Wire} Wire */
/** @typedef {import("page/picture.js").Frame} Frame */

const CELLS = 8;
const SIZE = 4;

/**
 * @param {Diagram} diagram
 * @param {SVGGElement} layer where the travelling values are drawn
 */
export function flow(diagram, layer) {
  const depth = depths(diagram);
  const deepest = Math.max(1, ...depth.values());
  const packets = diagram.wires.map((wire) => ({ wire, ...packet() }));
  layer.append(...packets.map((p) => p.element));
  let running = 0;

  /**
   * @param {Frame} frame
   * @param {number} time milliseconds; 0 shows the end at once
   * @param {{arrive: (id: string) => void, progress: (id: string, share: number) => void}} on values reach a part
   */
  function run(frame, time, on) {
    cancelAnimationFrame(running);
    const waiting = new Set(diagram.nodes.map((node) => node.id));
    for (const p of packets)
      paint(p.cells, at(frame.layer, p.wire.value, frame.step, p.wire.previous), limit(frame.layer, p.wire.value));
    const began = performance.now();
    const tick = (/** @type {number} */ now) => {
      const share = time > 0 ? Math.min(1, Math.max(0, (now - began) / time)) : 1;
      const front = share * deepest;
      for (const p of packets) {
        const into = depth.get(p.wire.to) ?? 0;
        // A value travels during the last stretch before the part that it enters.
        const way = front - (into - 1);
        const visible = way > 0 && way < 1 && share < 1 && p.wire.value !== null;
        set(p.element, "display", visible ? null : "none");
        if (visible) set(p.element, "transform", `translate(${along(p.wire.points, way)})`);
      }
      for (const id of waiting) {
        const left = front - (depth.get(id) ?? 0) + 1;
        if (left > 0) on.progress(id, Math.min(1, left));
        if (left < 1) continue;
        on.arrive(id);
        waiting.delete(id);
      }
      if (share < 1) running = requestAnimationFrame(tick);
    };
    tick(began);
  }
  return { run };
}

/** A few coloured cells that stand for the vector on its way. */
function packet() {
  const half = (CELLS * SIZE) / 2;
  const cells = Array.from({ length: CELLS }, (_, i) =>
    s("rect", { x: i * SIZE - half, y: -3, width: SIZE, height: 6 }),
  );
  const back = s("rect", { class: "back", x: -half - 1.5, y: -4.5, width: 2 * half + 3, height: 9, rx: 2.5 });
  return { cells, element: s("g", { class: "packet", display: "none" }, back, ...cells) };
}

/**
 * How many parts come before each part, at most.
 * @param {Diagram} diagram
 */
function depths(diagram) {
  const depth = new Map(diagram.nodes.map((node) => [node.id, 0]));
  // No way is longer than there are parts; a loop would end here too.
  for (let round = 0; round < diagram.nodes.length; round++) {
    let changed = false;
    for (const wire of diagram.wires) {
      const next = (depth.get(wire.from) ?? 0) + 1;
      if (next <= (depth.get(wire.to) ?? 0) || next > diagram.nodes.length) continue;
      depth.set(wire.to, next);
      changed = true;
    }
    if (!changed) break;
  }
  return depth;
}
