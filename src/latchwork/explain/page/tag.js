// @ts-check
/** A tag for each word: the words in their tags' colours, the tags' names below them. */

import { h, s, shown } from "page/dom.js";
import { percent, short } from "page/format.js";
import { css } from "page/colour.js";
import { bars } from "page/bars.js";
import { matrix } from "page/data.js";
import { seriesView, wordsView } from "page/text.js";
import { tagColours } from "page/tag_colours.js";

/** @typedef {import("page/types.js").Looked} Looked */
/** @typedef {import("page/types.js").TaskView} TaskView */

/** @type {TaskView} */
export const tag = {
  reading(looked) {
    const { cell, sequence, goto } = looked;
    const tags = tagsOf(looked);
    if (!tags) return { parts: [], show() {} };
    const view =
      sequence.series && sequence.text === null
        ? seriesView(sequence, bands(tags), goto, "the label of each step")
        : wordsView(sequence, look(looked, tags), goto);
    const odds = bars("", tags.most, "probability");
    return {
      parts: [says(cell.name, tags), view.element, legend(tags), key(looked, tags)],
      aside: odds.element,
      show({ step }) {
        view.show(step);
        const found = tags.at(step).map(({ label, p }) => ({
          name: label,
          share: p,
          colour: tags.colours.solid(label),
          mark: tags.truth?.[step] === label ? "true" : undefined,
        }));
        odds.show(found, `Tags of “${short(sequence.steps[step], 24)}”`);
      },
    };
  },
  tells(looked) {
    const tags = tagsOf(looked);
    if (!tags) return () => [];
    return (step) => {
      const [best, next] = tags.at(step);
      const truth = tags.truth?.[step];
      return [
        " It is tagged ",
        h("b", {}, h("bdi", {}, best.label)),
        " with ",
        shown(best.p, percent(best.p), { "data-what": "tag", class: "figure" }),
        ...(next ? ["; next comes ", h("bdi", {}, next.label), " with ", shown(next.p, percent(next.p, 1))] : []),
        ...(truth === undefined || truth === best.label ? [] : ["; in truth it is ", h("b", {}, h("bdi", {}, truth))]),
        ".",
      ];
    };
  },
  lanes(looked) {
    const tags = tagsOf(looked);
    return tags ? [tagLane(tags, looked.sequence.steps)] : [];
  },
  columns(looked) {
    const tags = tagsOf(looked);
    if (!tags) return [];
    return [0, 1].flatMap((j) =>
      j < tags.most
        ? [
            {
              name: j ? "next" : "tag",
              get: (/** @type {number} */ t) => tags.at(t)[j].p,
              text: (/** @type {number} */ p) => percent(p),
              names: (/** @type {number} */ t) => tags.at(t)[j].label,
            },
          ]
        : [],
    );
  },
  title: (sequence) => sequence.text ?? `series of ${sequence.steps.length} steps`,
  name: (step) => step,
  opening: () => 0,
  speeds: [0.5, 1, 2, 4, 8],
  speed: 1,
  rows: "sequences",
  words: "words",
  wide: true,
};

/** @typedef {NonNullable<ReturnType<typeof tagsOf>>} Tags */

/**
 * The tags of a run by their names, or null where there are none.
 * @param {Looked} looked
 */
function tagsOf({ report, sequence, run }) {
  if (!run.tag) return null;
  const { likely } = run.tag;
  const odds = matrix(run.tag.probabilities);
  const at = (/** @type {number} */ t) =>
    likely[t].map((k, j) => ({ label: report.classes[k], p: odds.data[t * odds.columns + j] }));
  const truth = sequence.truth ?? null;
  return {
    at,
    truth,
    count: likely.length,
    most: odds.columns,
    colours: tagColours(report),
    wrong: (/** @type {number} */ t) => truth !== null && truth[t] !== at(t)[0].label,
  };
}

/**
 * @param {string} cell
 * @param {Tags} tags
 */
function says(cell, { truth, count, wrong }) {
  const right = Array.from({ length: count }, (_, t) => t).filter((t) => !wrong(t)).length;
  return h(
    "p",
    { class: "says" },
    ...(truth === null
      ? [`The tags that ${cell} gives`]
      : [`${cell} tags `, h("b", {}, shown(right, String(right), { "data-what": "right" }), ` of ${count}`), " right"]),
  );
}

/**
 * @param {Looked} looked
 * @param {Tags} tags
 * @returns {(step: number) => import("page/text.js").Look}
 */
function look({ sequence }, tags) {
  return (t) => {
    const [{ label, p }] = tags.at(t);
    const wrong = tags.wrong(t);
    const truth = tags.truth?.[t] ?? "";
    const unseen = sequence.unseen[t];
    return {
      class: `word tagged${wrong ? " wrong" : ""}${unseen ? " unseen" : ""}`,
      style: `--tag: ${tags.colours.solid(label)}`,
      "data-value": p,
      "data-tag": label,
      title: [
        `${label} ${percent(p)}`,
        wrong ? `in truth ${truth}` : "",
        unseen ? "a word the model does not know" : "",
      ]
        .filter(Boolean)
        .join("; "),
      content: [
        h("span", { class: "token" }, sequence.steps[t]),
        h("small", {}, wrong ? `✗ ${label}` : label),
        ...(wrong ? [h("small", { class: "truth" }, `✓ ${truth}`)] : []),
      ],
    };
  };
}

/**
 * The label of each step behind a series, marked below where it is wrong.
 * @param {Tags} tags
 * @returns {import("page/text.js").Backdrop}
 */
function bands(tags) {
  return (slot, height) =>
    Array.from({ length: tags.count }, (_, t) => t).flatMap((t) => {
      const [{ label, p }] = tags.at(t);
      const place = { x: t * slot, width: slot, "shape-rendering": "crispEdges" };
      const band = s("rect", {
        ...place,
        y: 0,
        height,
        style: `fill: ${tags.colours.solid(label)}`,
        "fill-opacity": 0.15 + 0.4 * p,
        "data-step": t,
        "data-value": p,
      });
      return tags.wrong(t) ? [band, s("rect", { ...place, class: "away", y: height - 6, height: 6 })] : [band];
    });
}

/**
 * The tags of the sequence and their colours.
 * @param {Tags} tags
 */
function legend(tags) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (let t = 0; t < tags.count; t++) {
    const { label } = tags.at(t)[0];
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const order = [...counts].sort((a, b) => b[1] - a[1]);
  return h(
    "ul",
    { class: "legend", "aria-label": "Tags" },
    ...order.map(([label, count]) =>
      h(
        "li",
        { style: `--tag: ${tags.colours.solid(label)}` },
        h("i", { "aria-hidden": "true" }),
        h("bdi", {}, label),
        h("span", { class: "soft" }, ` ${count}`),
      ),
    ),
  );
}

/**
 * @param {Looked} looked
 * @param {Tags} tags
 */
function key({ sequence }, tags) {
  const text = sequence.text !== null || !sequence.series;
  const parts = [
    tags.truth && text ? "✗ marks a tag that is wrong; ✓ below it is the true one." : "",
    tags.truth && !text ? "A line along the lower edge marks where the label is wrong." : "",
    tags.colours.shared ? "Grey: tags too rare for a colour of their own." : "",
    sequence.unseen.some(Boolean) ? "In italics: words that the model knows by their looks alone." : "",
  ].filter(Boolean);
  return parts.length ? h("p", { class: "note" }, parts.join(" ")) : null;
}

/**
 * How sure the tag of each step is, in its colour.
 * @param {Tags} tags
 * @param {string[]} words
 * @returns {import("page/timeline.js").Lane}
 */
function tagLane(tags, words) {
  return {
    name: "tag",
    label: ["Tag"],
    height: 64,
    draw({ context, from, to, x, slot, height }) {
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "center";
      const wide = Math.max(2, slot - 4);
      for (let t = from; t < to; t++) {
        const [{ label, p }] = tags.at(t);
        const centre = x(t) + slot / 2;
        const tall = p * (height - 22);
        context.fillStyle = css(tags.colours.rgb(label));
        context.fillRect(centre - wide / 2, height - 4 - tall, wide, tall);
        context.fillStyle = css(tags.colours.ink());
        const text = tags.wrong(t) ? `✗ ${label}` : label;
        if (context.measureText(text).width <= slot) context.fillText(text, centre, height - 9 - tall);
        else if (tags.wrong(t)) context.fillText("✗", centre, height - 9 - tall);
      }
    },
    says: (t) => {
      const [{ label, p }] = tags.at(t);
      return [h("bdi", {}, short(label, 12)), " ", shown(p, percent(p), { "data-what": "tag" })];
    },
    hint: (t) =>
      `${words[t]}: ${tags
        .at(t)
        .map(({ label, p }) => `${label} ${percent(p)}`)
        .join(", ")}${tags.wrong(t) ? `; in truth ${tags.truth?.[t]}` : ""}`,
  };
}
