// @ts-check
/** The sequence itself, each step coloured by what it moved; a click or Enter goes there. */

import { h, s, set, shown } from "page/dom.js";
import { percent, signed } from "page/format.js";
import { matrix } from "page/data.js";
import { observe } from "page/plot.js";
import { decisionOf } from "page/run.js";

/** @typedef {import("page/types.js").Sequence} Sequence */
/** @typedef {import("page/types.js").Run} Run */
/** @typedef {{element: HTMLElement, show: (step: number) => void}} Part */
/** @typedef {{content?: (Node | string)[]} & Record<string, any>} Look a word's attributes, and what stands in it */
/** @typedef {(slot: number, height: number) => Node[]} Backdrop what is drawn behind a series */

const TRUSTED = 0.05; // the completeness error above which the parts say little
const CHANNELS = 8; // more lines than this in one plot tell nothing apart

/**
 * What the model says, and whether it is right.
 * @param {string} cell
 * @param {Run} run
 * @param {string[]} classes
 * @param {string | null} label
 */
export function says(cell, run, classes, label) {
  const decision = decisionOf(run);
  if (!decision) return null;
  const name = className(classes, decision.predicted);
  const chance = decision.probabilities[decision.predicted];
  const truth =
    label === null
      ? null
      : h(
          "span",
          { class: "soft" },
          label === name ? " · labelled the same" : " · labelled ",
          label === name ? null : h("b", {}, h("bdi", {}, label)),
        );
  return h(
    "p",
    { class: "says" },
    `${cell} says `,
    h("b", {}, h("bdi", {}, name)),
    " ",
    shown(chance, percent(chance, 1), { "data-what": "probability" }),
    truth,
  );
}

/**
 * @param {string[]} classes
 * @param {number} place
 */
export const className = (classes, place) => classes[place] ?? `class ${place + 1}`;

/**
 * @param {Sequence} sequence
 * @param {Run} run
 * @param {string[]} classes
 * @param {(step: number) => void} goto
 * @returns {Part}
 */
export const sequenceView = (sequence, run, classes, goto) =>
  sequence.series && sequence.text === null
    ? seriesView(sequence, run.moved && bands(matrix(run.moved).data), goto)
    : wordsView(sequence, moved(sequence, run, classes), goto);

/**
 * The text, its words as they are to look.
 * @param {Sequence} sequence
 * @param {(step: number) => Look} look
 * @param {(step: number) => void} goto
 * @returns {Part & {words: HTMLElement[]}}
 */
export function wordsView(sequence, look, goto) {
  /** @type {HTMLElement[]} */
  const words = [];
  const pieces = [];
  // Places in the text count whole characters, as Python does; JavaScript's own count halves of them.
  const characters = [...(sequence.text ?? "")];
  const between = (/** @type {number} */ from, /** @type {number} */ to) => characters.slice(from, to).join("");
  let end = 0;
  sequence.steps.forEach((step, t) => {
    const span = sequence.spans[t];
    if (sequence.text !== null && span) pieces.push(between(end, span[0]));
    else if (t) pieces.push(" ");
    end = span ? span[1] : end;
    const { content = [step], ...attributes } = look(t);
    const word = h("span", { role: "button", tabindex: -1, "data-step": t, ...attributes }, ...content);
    words.push(word);
    pieces.push(word);
  });
  if (sequence.text !== null) pieces.push(between(end, characters.length));
  const pick = (/** @type {Event} */ event) => {
    const step = /** @type {HTMLElement} */ (event.target).closest?.("[data-step]")?.getAttribute("data-step");
    if (step) goto(Number(step));
    return step;
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && pick(event)) event.preventDefault();
  };
  const element = h(
    "p",
    { class: "text", dir: "auto", role: "group", "aria-label": "The text by words", onclick: pick, onkeydown: key },
    ...pieces,
  );
  let current = 0;

  /** @param {number} step */
  function show(step) {
    const held = element.contains(document.activeElement);
    set(words[current], "aria-current", null);
    set(words[current], "tabindex", -1);
    current = step;
    set(words[step], "aria-current", "step");
    set(words[step], "tabindex", 0);
    if (held) words[step].focus({ preventScroll: true });
    reveal(element, words[step]);
  }
  return { element, words, show };
}

/**
 * How words look by what they moved.
 * @param {Sequence} sequence
 * @param {Run} run
 * @param {string[]} classes
 * @returns {(step: number) => Look}
 */
function moved(sequence, run, classes) {
  const decision = decisionOf(run);
  const data = decision ? matrix(decision.moved).data : null;
  const most = data ? strongest(data) : 1;
  const target = decision ? className(classes, decision.predicted) : "";
  return (step) => {
    const unseen = sequence.unseen[step];
    const strange = unseen ? ["a word the model does not know"] : [];
    if (!data) return { class: `word ${unseen ? " unseen" : ""}`, title: strange[0] ?? null };
    const moved = data[step];
    const way = moved >= 0 ? "towards" : "away from";
    return {
      "data-value": moved,
      style: `--strength: ${(Math.abs(moved) / most).toFixed(3)}`,
      class: `word ${moved >= 0 ? "for" : "against"}${unseen ? " unseen" : ""}`,
      title: [`${signed(moved)} ${way} ${target}`, ...strange].join("; "),
    };
  };
}

/**
 * A long text scrolls in its own box, never the page.
 * @param {HTMLElement} box
 * @param {HTMLElement} word
 */
function reveal(box, word) {
  if (box.scrollHeight <= box.clientHeight + 1) return;
  const top = word.offsetTop;
  if (top < box.scrollTop || top + word.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top - box.clientHeight / 3;
  }
}

/**
 * @param {Sequence} sequence
 * @param {Backdrop | null} behind
 * @param {(step: number) => void} goto
 * @param {string} [meaning] of what is behind
 * @returns {Part}
 */
export function seriesView(sequence, behind, goto, meaning = "what each step moved") {
  const series = matrix(/** @type {import("page/types.js").Packed} */ (sequence.series));
  const T = series.rows;
  const height = 190;
  const cursor = s("rect", { class: "cursor", y: 0, height });
  const svg = s("svg", {
    class: "series",
    height,
    role: "img",
    "aria-label": `Series of ${T} steps in ${series.columns} channels${behind ? `; behind it ${meaning}` : ""}`,
  });
  const element = h("div", { class: "seriesbox" }, svg);
  let width = 600;
  let step = 0;

  function draw() {
    const slot = width / T;
    svg.replaceChildren(...(behind?.(slot, height) ?? []), cursor, ...lines(series, slot, height));
    set(svg, "viewBox", `0 0 ${width} ${height}`);
    show(step);
  }

  /** @param {number} next */
  function show(next) {
    step = next;
    set(cursor, "x", (step * width) / T);
    set(cursor, "width", Math.max(2, width / T));
  }
  svg.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const box = svg.getBoundingClientRect();
    goto(Math.min(T - 1, Math.floor(((event.clientX - box.left) / box.width) * T)));
  });
  observe(element, (now) => {
    width = now;
    draw();
  });
  return { element, show };
}

/**
 * What each step moved, as a band behind the series.
 * @param {Float32Array} moved
 * @returns {Backdrop}
 */
function bands(moved) {
  const most = strongest(moved);
  return (slot, height) =>
    [...moved].map((value, t) =>
      s("rect", {
        class: value >= 0 ? "towards" : "away",
        x: t * slot,
        y: 0,
        width: slot + 0.3,
        height,
        "fill-opacity": (0.55 * Math.abs(value)) / most,
        "data-step": t,
        "data-value": value,
      }),
    );
}

/**
 * A line per channel, each channel on its own scale.
 * @param {import("page/types.js").Matrix} series
 * @param {number} slot
 * @param {number} height
 */
function lines(series, slot, height) {
  return Array.from({ length: Math.min(series.columns, CHANNELS) }, (_, channel) => {
    const values = Array.from({ length: series.rows }, (_, t) => series.data[t * series.columns + channel]);
    const low = Math.min(...values);
    const span = Math.max(...values) - low || 1;
    const points = values.map(
      (v, t) => `${((t + 0.5) * slot).toFixed(1)},${(height - 12 - ((v - low) / span) * (height - 24)).toFixed(1)}`,
    );
    return s("polyline", { class: "channel", points: points.join(" "), "stroke-opacity": channel === 0 ? 1 : 0.45 });
  });
}

/** @param {Float32Array} moved */
const strongest = (moved) => moved.reduce((most, m) => Math.max(most, Math.abs(m)), 0) || 1;

/**
 * What the colours mean, and how far the parts add up.
 * @param {Sequence} sequence
 * @param {Run} run
 * @param {string[]} classes
 */
export function wordsKey(sequence, run, classes) {
  const decision = decisionOf(run);
  const unseen = sequence.unseen.some(Boolean) ? " In italics: words that the model does not know." : null;
  if (!decision && !unseen) return null;
  return h("p", { class: "note" }, ...(decision ? coloursKey(decision, classes) : []), unseen);
}

/**
 * @param {import("page/types.js").Decision} decision
 * @param {string[]} classes
 */
function coloursKey({ completeness_error: error, score, baseline, predicted }, classes) {
  const target = className(classes, predicted);
  return [
    h("span", { class: "word for sample" }, "towards ", h("bdi", {}, target)),
    " ",
    h("span", { class: "word against sample" }, "away from it"),
    " by integrated gradients, in log-odds, compared with as many steps that say nothing (zeros); together ",
    shown(score - baseline, signed(score - baseline), { "data-what": "moved" }),
    error === null ? "" : ", completeness error ",
    error === null ? null : shown(error, percent(error, 2), { "data-what": "completeness" }),
    ".",
    error !== null && error > TRUSTED
      ? h("b", {}, " The parts do not add up to the change: do not rely on them.")
      : null,
  ];
}
