// @ts-check
/** What the cells remember, measured over data: a plain sentence, then the plot. */

import { h, s, set, shown } from "page/dom.js";
import { cellColour } from "page/colour.js";
import { number, percent, steps } from "page/format.js";
import { decades, linePlot, observe } from "page/plot.js";
import { tableOnDemand } from "page/table.js";
import { taskOf } from "page/tasks.js";
import { group, ranked } from "page/unit.js";

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/types.js").Memory} Memory */
/** @typedef {import("page/types.js").CellMemory} CellMemory */
/** @typedef {import("page/types.js").TaskView} TaskView */
/** @typedef {import("page/plot.js").Line} Line */
/** @typedef {{name: string, colour: string, found: CellMemory}} Measured */

const FAINTEST = 1e-8; // of a gradient; below it nothing is learned anyway

/**
 * @param {Report} report
 * @returns {HTMLElement | null}
 */
export function memorySection(report) {
  const memory = report.memory;
  if (!memory) return null;
  const cells = report.cells.flatMap((cell, i) => {
    const found = memory.cells[cell.name];
    return found ? [{ name: cell.name, colour: cellColour(i), found }] : [];
  });
  const task = taskOf(report);
  const cards = [
    wordsKept(cells, task),
    halfLives(cells),
    flows(cells),
    influences(cells),
    deletions(memory, cells),
  ].filter((card) => card !== null);
  if (!cards.length) return null;
  return h(
    "section",
    { class: "memory", "aria-labelledby": "memory-title" },
    h("h2", { id: "memory-title" }, "What they remember"),
    h(
      "p",
      { class: "note" },
      "Measured on ",
      shown(memory.sequences, memory.sequences.toLocaleString("en"), { "data-what": "sequences" }),
      memory.held_out ? ` ${task.rows} that the models were not fitted on.` : ` ${task.rows}.`,
    ),
    h("div", { class: "cards" }, ...cards),
  );
}

/**
 * @param {string} title
 * @param {{colour: string, text: string | null | undefined}[]} sentences a cell each
 * @param {...(Node | null)} content
 */
const card = (title, sentences, ...content) =>
  h(
    "article",
    { class: "card" },
    h("h3", {}, title),
    ...sentences.filter(({ text }) => text).map(sentence),
    ...content,
  );

/** @param {{colour: string, text: string | null | undefined}} said */
const sentence = ({ colour, text }) =>
  h(
    "p",
    { class: "sentence" },
    h("i", { class: "dot", style: `background: ${colour}`, "aria-hidden": "true" }),
    h("span", {}, text ?? ""),
  );

/**
 * @param {Measured[]} cells
 * @param {string} which
 */
const sentences = (cells, which) => cells.map(({ colour, found }) => ({ colour, text: found.sentences?.[which] }));

/**
 * @param {Measured[]} cells
 * @param {TaskView} task
 */
function wordsKept(cells, task) {
  const lists = cells.flatMap(({ name, colour, found }) =>
    found.words?.keeps.length
      ? [
          h(
            "div",
            { class: "lists", style: `--own: ${colour}` },
            group(`${name} lets most go at`, ranked(found.words.lets_go, task, percent)),
            group(`${name} keeps most at`, ranked(found.words.keeps, task, percent)),
          ),
        ]
      : [],
  );
  if (!lists.length) return null;
  return card(
    `At which ${task.words} the memory goes and stays`,
    sentences(cells, "words"),
    ...lists,
    note(
      "Share of the memory that the keep gates of all units let through at a " +
        `${task.words.slice(0, -1)}, for ${task.words} that occur 20 times or more.`,
    ),
  );
}

/**
 * How many sequences a measure was taken on, where that is not all of them.
 * @param {number | undefined} rows
 */
const on = (rows) => (rows ? ` On ${rows.toLocaleString("en")} sequence${rows === 1 ? "" : "s"}.` : "");

/** @param {Measured[]} cells */
function flows(cells) {
  const lines = cells.flatMap(({ name, colour, found }) => {
    if (!found.flow) return [];
    const { distance, fitted, start } = found.flow;
    const own = [{ name: name, colour, xs: distance, ys: fitted }];
    return start ? [...own, { name: `${name}, untrained`, colour, dashed: true, xs: distance, ys: start }] : own;
  });
  if (!lines.length) return null;
  return card(
    "How far the gradient reaches",
    sentences(cells, "flow"),
    linePlot(
      "Gradient by distance to the end, for each cell",
      { title: "steps before the end", log: true },
      { title: "share of the gradient at the end, ‖∂loss/∂state‖", log: true, least: FAINTEST },
      lines,
    ),
    note(
      "Share of the gradient at the end that is left so many steps before; logarithmic axes. Dashed: untrained." +
        on(cells.find(({ found }) => found.flow)?.found.flow?.rows),
    ),
    numbers("distance", lines),
  );
}

/** @param {Measured[]} cells */
function influences(cells) {
  const lines = cells.flatMap(({ name, colour, found }) => {
    if (!found.influence) return [];
    const { distance, gradient, replaced } = found.influence;
    const own = [{ name: name, colour, xs: distance, ys: gradient }];
    return replaced ? [...own, { name: `${name}, replaced`, colour, dashed: true, xs: distance, ys: replaced }] : own;
  });
  if (!lines.length) return null;
  return card(
    "How much an early input still counts",
    sentences(cells, "influence"),
    linePlot(
      "Influence of an input by its distance to the end",
      { title: "steps before the end", log: false },
      { title: "influence on the log-odds", log: false },
      lines,
    ),
    note(restsOn(cells.flatMap(({ found }) => found.influence ?? []))),
    numbers("distance", lines),
  );
}

/**
 * What the curves of influence are means over. They were all measured on the same rows.
 * @param {NonNullable<CellMemory["influence"]>[]} found
 */
function restsOn(found) {
  const replaced = found.find((one) => one.replaced);
  const times = "Distances that only the longest sequences have rest on fewer.";
  const solid = `Solid: by gradient.${on(found[0]?.rows)}`;
  if (!replaced) return `${solid} ${times}`;
  return `${solid} Dashed: by putting a random other input in its place.${on(replaced.replaced_rows)} ${times}`;
}

/**
 * @param {Memory} memory
 * @param {Measured[]} cells
 */
function deletions(memory, cells) {
  if (!memory.deletion) return null;
  const found = cells.flatMap(({ name, colour }) => {
    const curve = memory.deletion?.[name];
    return curve ? [{ name, colour, curve }] : [];
  });
  if (!found.length) return null;
  const lines = found.flatMap(({ name, colour, curve }) => [
    { name: name, colour, xs: curve.share, ys: curve.by_attribution },
    { name: `${name}, at random`, colour, dashed: true, xs: curve.share, ys: curve.random },
  ]);
  const says = found.map(({ name, colour, curve }) => {
    const i = nearest(curve.share, 0.2);
    const [chosen, chance] = [number(curve.by_attribution[i]), number(curve.random[i])];
    const without = `Without the ${percent(curve.share[i])} of the steps that moved it most`;
    const text = `${without}, ${name} loses ${chosen} of its log-odds; without as many at random, ${chance}.`;
    return { colour, text };
  });
  return card(
    "Whether the coloured steps are the ones that count",
    says,
    linePlot(
      "Log-odds lost as steps are taken out",
      { title: "share of the steps taken out", log: false, share: true },
      { title: "log-odds lost", log: false },
      lines,
    ),
    note(`Solid: the steps that moved most, first. Dashed: steps at random.${on(found[0].curve.rows)}`),
    numbers("share", lines),
  );
}

/** @param {Measured[]} cells */
function halfLives(cells) {
  const known = cells.filter(({ found }) => found.half_life);
  if (!cells.some(({ found }) => found.half_life || found.sentences?.half_life)) return null;
  const rows = known.map(({ name, colour, found }) => ({ name, colour, lives: found.half_life ?? [] }));
  const table = tableOnDemand("The numbers", ["unit", ...rows.map((r) => r.name)], () =>
    Array.from({ length: Math.max(...rows.map((r) => r.lives.length)) }, (_, unit) => [
      String(unit),
      ...rows.map((r) =>
        unit < r.lives.length
          ? { text: r.lives[unit] === null ? "never" : number(r.lives[unit] ?? 0), value: r.lives[unit] }
          : "",
      ),
    ]),
  );
  return card(
    "How long the units hold on",
    sentences(cells, "half_life"),
    rows.length ? distribution(rows) : null,
    rows.length
      ? note(
          "Units by the steps until their keep gates have let half of the memory go. What a unit hands to the others " +
            "through the weights can live on for longer: the gradient shows that.",
        )
      : null,
    rows.length ? table.element : null,
  );
}

const BINS = 18;
const ROW = 62;

/**
 * A small histogram a cell, on one logarithmic axis; units that never let go stand apart.
 * @param {{name: string, colour: string, lives: (number | null)[]}[]} rows
 */
function distribution(rows) {
  const finite = rows.flatMap((row) => row.lives.filter((life) => life !== null && life > 0)).map(Number);
  const low = Math.floor(Math.log10(Math.min(1, ...finite)) * 2) / 2;
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, ...finite)) * 2) / 2);
  const bin = (/** @type {number} */ life) =>
    Math.min(BINS - 1, Math.max(0, Math.floor(((Math.log10(life) - low) / (high - low)) * BINS)));
  const counted = rows.map((row) => ({ ...row, ...count(row.lives, bin) }));
  const most = Math.max(1, ...counted.flatMap((row) => [...row.bins, row.never]));
  const height = rows.length * ROW + 40;
  const svg = s("svg", {
    class: "plot",
    height,
    role: "img",
    "aria-label": `Half-lives, medians: ${counted.map((row) => `${row.name} ${steps(row.median)}`).join(", ")}`,
  });
  const element = h("div", { class: "plotbox" }, svg);
  observe(element, (width) => {
    const left = 8;
    const never = counted.some((row) => row.never) ? 54 : 0;
    const right = width - 12 - never;
    const wide = (right - left) / BINS;
    svg.replaceChildren(
      ...decades(low, high).map(({ value, text }) =>
        s(
          "text",
          {
            class: "tick",
            x: Math.max(left + 4, left + ((Math.log10(value) - low) / (high - low)) * (right - left)),
            y: height - 22,
            "text-anchor": "middle",
          },
          text,
        ),
      ),
      never
        ? s("text", { class: "tick", x: width - 12 - never / 2 + 8, y: height - 22, "text-anchor": "middle" }, "never")
        : "",
      s(
        "text",
        { class: "title", x: (left + right) / 2, y: height - 5, "text-anchor": "middle" },
        "half-life in steps",
      ),
      ...counted.flatMap((row, i) => {
        const base = (i + 1) * ROW;
        const tall = (/** @type {number} */ n) => (n / most) * (ROW - 24);
        const bars = row.bins.map((n, b) =>
          s("rect", {
            x: left + b * wide,
            width: Math.max(1, wide - 1.5),
            y: base - tall(n),
            height: tall(n),
            style: `fill: ${row.colour}`,
            "data-value": n,
          }),
        );
        const apart = never
          ? [
              s("rect", {
                x: width - 12 - never + 16,
                width: 30,
                y: base - tall(row.never),
                height: tall(row.never),
                style: `fill: ${row.colour}`,
                "data-value": row.never,
              }),
            ]
          : [];
        return [
          s("line", { class: "axis", x1: left, x2: width - 12, y1: base + 0.5, y2: base + 0.5 }),
          ...bars,
          ...apart,
          s(
            "text",
            { class: "name", x: left, y: base - ROW + 18, style: `fill: ${row.colour}`, "data-value": row.median },
            `${row.name} · median ${steps(row.median)}`,
          ),
        ];
      }),
    );
    set(svg, "viewBox", `0 0 ${width} ${height}`);
  });
  return element;
}

/**
 * @param {(number | null)[]} lives
 * @param {(life: number) => number} bin
 */
function count(lives, bin) {
  const bins = Array(BINS).fill(0);
  let never = 0;
  for (const life of lives) {
    if (life === null) never++;
    else bins[bin(Math.max(life, Number.MIN_VALUE))]++;
  }
  const order = lives.map((life) => life ?? Infinity).sort((a, b) => a - b);
  const n = order.length;
  const median = n ? (order[(n - 1) >> 1] + order[n >> 1]) / 2 : Infinity;
  return { bins, never, median: Number.isFinite(median) ? median : null };
}

/**
 * The lines of a plot as a table, a column a line.
 * @param {string} first
 * @param {Line[]} lines
 */
function numbers(first, lines) {
  const xs = [...new Set(lines.flatMap((line) => line.xs))].sort((a, b) => a - b);
  return tableOnDemand("The numbers", [first, ...lines.map((line) => line.name)], () =>
    xs.map((x) => [
      { text: number(x), value: x },
      ...lines.map((line) => {
        const i = line.xs.indexOf(x);
        return i < 0 || line.ys[i] === null ? "" : { text: number(line.ys[i]), value: line.ys[i] };
      }),
    ]),
  ).element;
}

/** @param {string} text */
const note = (text) => h("p", { class: "note" }, text);

/**
 * @param {number[]} values
 * @param {number} wanted
 */
const nearest = (values, wanted) =>
  values.reduce((best, v, i) => (Math.abs(v - wanted) < Math.abs(values[best] - wanted) ? i : best), 0);
