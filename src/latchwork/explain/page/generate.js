// @ts-check
/** A text as a language model reads or writes it: each character by its surprise, and what was expected instead. */

import { h, set, shown } from "page/dom.js";
import { number, percent, short } from "page/format.js";
import { css, palette } from "page/colour.js";
import { bars } from "page/bars.js";
import { matrix } from "page/data.js";
import { visible } from "page/symbols.js";
import { wordsView } from "page/text.js";

/** @typedef {import("page/types.js").Looked} Looked */
/** @typedef {import("page/types.js").Sequence} Sequence */
/** @typedef {import("page/types.js").Next} Next */
/** @typedef {import("page/types.js").TaskView} TaskView */

const MOST = 8; // bits that have the full shade
/** @type {Record<string, string>} */
const SPOKEN = { " ": "blank", "\n": "line break", "\t": "tab" };

/** @type {TaskView} */
export const generate = {
  reading(looked) {
    const { sequence, goto } = looked;
    const next = nextOf(looked);
    if (!next) return { parts: [], show() {} };
    const view = wordsView(sequence, look(sequence, next), goto);
    view.element.classList.add("typed");
    set(view.element, "aria-label", "The text by characters");
    const odds = bars("", next.most + 1, "probability");
    let hidden = false;
    return {
      parts: [origin(looked, next), view.element, key(sequence)],
      aside: odds.element,
      show({ step, playing }) {
        view.show(step);
        odds.show(expected(next, step), "What it expects next");
        if (!playing && !hidden) return;
        hidden = playing;
        view.words.forEach((word, t) => word.classList.toggle("tocome", playing && t > step));
      },
    };
  },
  tells(looked) {
    const next = nextOf(looked);
    if (!next) return () => [];
    return (step) => {
      const came = next.came(step);
      if (came === undefined) return [" What came after it is not shown."];
      const bits = next.bits[step];
      const p = 2 ** -bits;
      return [
        " Then came ",
        h("b", {}, h("bdi", {}, visible(came))),
        ", expected with ",
        shown(p, percent(p, p < 0.0995 ? 1 : 0), { "data-what": "came" }),
        ": ",
        shown(bits, `${number(bits)} bits`, { "data-what": "bits", class: "figure" }),
        " of surprise.",
      ];
    };
  },
  lanes(looked) {
    const next = nextOf(looked);
    return next ? [surpriseLane(looked.sequence, next)] : [];
  },
  columns(looked) {
    const next = nextOf(looked);
    if (!next) return [];
    return [
      { name: "bits", get: (t) => (t ? next.bits[t - 1] : 0), text: (bits) => number(bits) },
      {
        name: "expected next",
        get: (t) => next.likely(t)[0].share,
        text: (p) => percent(p),
        names: (t) => next.likely(t)[0].name,
      },
    ];
  },
  title: ({ text, written }) =>
    written ? `written by ${written.by}: … ${[...(text ?? "")].slice(written.prompt).join("")}` : (text ?? ""),
  name: visible,
  opening: () => 0,
  speeds: [2, 4, 8, 16, 32],
  speed: 8,
  rows: "texts",
  words: "characters",
  tight: true,
};

/** @typedef {NonNullable<ReturnType<typeof nextOf>>} Expected */

/**
 * What was expected after each step, and what came; null where it is not known.
 * @param {Looked} looked
 */
function nextOf({ sequence, run }) {
  if (!run.next) return null;
  const { rank, likely } = run.next;
  const odds = matrix(run.next.probabilities);
  const bits = matrix(run.next.bits).data;
  const last = sequence.steps.length - 1;
  return {
    bits,
    rank,
    most: odds.columns,
    /** @param {number} t @returns {string | null | undefined} null is the end, undefined is unknown */
    came: (t) => (t < last ? sequence.steps[t + 1] : sequence.whole ? null : undefined),
    /** @param {number} t */
    likely: (t) => likely[t].map((symbol, j) => ({ name: visible(symbol), share: odds.data[t * odds.columns + j] })),
  };
}

/**
 * The bars of a step; what came stands last where it was not among the likely ones.
 * @param {Expected} next
 * @param {number} step
 */
function expected(next, step) {
  const came = next.came(step);
  const rank = next.rank[step];
  /** @type {import("page/bars.js").Bar[]} */
  const found = next.likely(step).map((bar, j) => (j === rank ? { ...bar, mark: "came" } : bar));
  if (came === undefined || rank === null || rank < found.length) return found;
  return [
    ...found,
    { name: short(visible(came), 8), note: `${rank + 1}. `, share: 2 ** -next.bits[step], mark: "came" },
  ];
}

/**
 * Where the text is from, and how well the model foretold it.
 * @param {Looked} looked
 * @param {Expected} next
 */
function origin({ cell, sequence }, next) {
  const { written, text, whole } = sequence;
  const told = next.bits.filter((bits) => Number.isFinite(bits));
  const rate = told.reduce((sum, bits) => sum + bits, 0) / Math.max(1, [...(text ?? "")].length + (whole ? 1 : 0));
  const how = written
    ? ["Written by ", h("b", {}, written.by), written.prompt ? ", which went on from what is underlined" : "", ". "]
    : [h("b", {}, "From the data"), whole ? "" : ", its beginning", ". "];
  return h(
    "p",
    { class: "says" },
    ...how,
    `${cell.name} needs `,
    shown(rate, number(rate), { "data-what": "rate", class: "figure" }),
    " bits a character",
    written ? h("span", { class: "soft" }, ` (temperature ${written.temperature}, seed ${written.seed})`) : "",
    ".",
  );
}

/**
 * @param {Sequence} sequence
 * @param {Expected} next
 * @returns {(step: number) => import("page/text.js").Look}
 */
function look(sequence, next) {
  const prompt = sequence.written?.prompt ?? 0;
  const characters = [...(sequence.text ?? "")];
  return (t) => {
    if (!t) return { class: "word char begin", title: "where the text begins", content: ["▸"] };
    const bits = next.bits[t - 1];
    const [from, to] = sequence.spans[t];
    // A part of a character shows nothing: the last of its parts shows it.
    const text = characters.slice(from, to).join("");
    const pieces = text.split("\n");
    return {
      class: `word char${to <= prompt ? " prompt" : ""}${sequence.unseen[t] ? " unseen" : ""}`,
      style: `--strength: ${Math.min(1, bits / MOST).toFixed(3)}`,
      "data-value": bits,
      "aria-label": text.trim() ? null : SPOKEN[text] || `part ${visible(sequence.steps[t])}`,
      title: `${visible(sequence.steps[t])}: ${number(bits)} bits${sequence.unseen[t] ? "; the model does not know it" : ""}`,
      content: pieces.flatMap((piece, i) => [
        ...(i ? [h("i", { class: "break", "aria-hidden": "true" }, "↵"), "\n"] : []),
        piece,
      ]),
    };
  };
}

/** @param {Sequence} sequence */
const key = (sequence) =>
  h(
    "p",
    { class: "note" },
    "The shade is the surprise: ",
    h("span", { class: "word char sample", style: "--strength: 0" }, "0"),
    " … ",
    h("span", { class: "word char sample", style: "--strength: 0.5" }, "4"),
    " … ",
    h("span", { class: "word char sample", style: "--strength: 1" }, `${MOST} bits`),
    " or more; a bit is a halving of the probability. ",
    "▶ writes the text out.",
    sequence.unseen.some(Boolean) ? " In italics: characters that the model does not know." : "",
  );

/**
 * The bits of each character, as bars.
 * @param {Sequence} sequence
 * @param {Expected} next
 * @returns {import("page/timeline.js").Lane}
 */
function surpriseLane(sequence, next) {
  const bits = (/** @type {number} */ t) => (t ? next.bits[t - 1] : 0);
  const most = next.bits.reduce((a, b) => (Number.isFinite(b) ? Math.max(a, b) : a), 1);
  return {
    name: "surprise",
    label: [h("b", {}, "surprise"), h("span", { class: "soft" }, " bits")],
    height: 64,
    draw({ context, from, to, x, slot, height }) {
      context.fillStyle = css(palette().plus);
      for (let t = from; t < to; t++) {
        const tall = (bits(t) / most) * (height - 8);
        context.fillRect(x(t) + 1, height - 2 - tall, Math.max(1, slot - 2), Math.max(1, tall));
      }
    },
    says: (t) => (t ? [shown(bits(t), number(bits(t)), { "data-what": "surprise" })] : []),
    hint: (t) => `${visible(sequence.steps[t])}${t ? `: ${number(bits(t))} bits` : ""}`,
  };
}
