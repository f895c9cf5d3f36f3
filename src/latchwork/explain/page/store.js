// @ts-check
/** What is looked at, and who wants to know when it changes. */

/** @typedef {import("page/types.js").View} View */
/** @typedef {(view: View, changed: Set<keyof View>) => void} Listener */
/** @typedef {{view: () => View, set: (change: Partial<View>) => void, on: (listener: Listener) => void}} Store */

/**
 * @param {View} first
 * @param {(next: View, before: View, asked: Partial<View>) => View} settle makes a change consistent, as a step that a
 *   shorter sequence does not have
 * @returns {Store}
 */
export function createStore(first, settle) {
  let view = first;
  /** @type {Listener[]} */
  const listeners = [];
  return {
    view: () => view,
    set(change) {
      const before = view;
      view = settle({ ...view, ...change }, before, change);
      const changed = differences(before, view);
      if (changed.size) for (const listener of listeners) listener(view, changed);
    },
    on: (listener) => void listeners.push(listener),
  };
}

/**
 * @param {View} a
 * @param {View} b
 */
function differences(a, b) {
  const names = /** @type {(keyof View)[]} */ (Object.keys(b));
  return new Set(names.filter((name) => a[name] !== b[name]));
}
