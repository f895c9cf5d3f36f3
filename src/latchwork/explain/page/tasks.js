// @ts-check
/** What the page shows of a sequence, by the task of the models. */

import { classify } from "page/classify.js";
import { forecast } from "page/forecast.js";
import { generate } from "page/generate.js";
import { tag } from "page/tag.js";

/** @typedef {import("page/types.js").Report} Report */
/** @typedef {import("page/types.js").TaskView} TaskView */

/** @type {Record<string, TaskView>} */
const TASKS = { classify, tag, generate, forecast };

/**
 * Reports of other people's models have no task, and those of old did not say it.
 * @param {Report} report
 */
export const taskOf = (report) => TASKS[report.task ?? "classify"] ?? classify;
