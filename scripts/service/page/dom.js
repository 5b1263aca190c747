// Helpers for all parts of the page: find and create elements, and format numbers.

export const byId = (id) => document.getElementById(id);

/** Create an element. Children that are strings become text, never markup. */
export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Return a text in one line, without white space around it. */
export const squeeze = (text) => text.trim().replace(/\s+/g, " ");

export const whole = (number) => number.toLocaleString("en");

export const count = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;

export const percent = (share) => `${(100 * share).toFixed(1)}%`;
