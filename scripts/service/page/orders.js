// The order of a medication: how much, how often, and what is done with it. A component of somebody else may use the
// attribute otherwise, so its form is checked.

import { squeeze } from "./dom.js";

// The parts in the order in which they are shown.
const PARTS = ["strength", "dose", "form", "route", "frequency", "duration", "as_needed", "action", "previous", "maximum"];
// Those that say how much of the drug is taken.
const SIG = PARTS.filter((name) => name !== "action" && name !== "previous");

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isPart = (part) => isObject(part) && typeof part.text === "string" && Number.isInteger(part.start);

function isOrder(order) {
  if (!isObject(order)) return false;
  const { steps = [], ...parts } = order;
  return Array.isArray(steps) && steps.every(isObject) && Object.values(parts).every(isPart) && Object.keys(order).length > 0;
}

/** Return the order of a mention, or null if it has none. */
export const orderOf = ({ attributes: { medication } }) => (isOrder(medication) ? medication : null);

/** List the parts of an order as [name, text]. The steps of a taper are one of them. */
export function orderParts(order) {
  const { steps = [] } = order;
  const once = PARTS.filter((name) => order[name] && !(steps.length && steps[0][name]));
  const parts = once.map((name) => [name, squeeze(order[name].text)]);
  return steps.length ? [["steps", steps.map(stepText).join(", then ")], ...parts] : parts;
}

/** List the parts of an order as [name, text and value], for those whose value says more than the text. */
export function explainOrder(order) {
  return orderParts(order).map(([name, text]) => {
    const value = name === "steps" ? "" : valueOf(name, order[name]);
    return [name, value && value !== text ? `${text} (${value})` : text];
  });
}

/** Return how much of a drug is taken, as the note says it: "25 mg PO BID". */
export function doseOf(order) {
  const steps = (order.steps ?? []).flatMap((step) => Object.values(step).filter(isPart));
  return inOrder([...SIG.map((name) => order[name]).filter(Boolean), ...steps]);
}

const stepText = (step) => inOrder(Object.values(step).filter(isPart));

/** Join parts in the order of the text. One that is within another, as "tabs" in "2 tabs", is left out. */
function inOrder(parts) {
  const length = ({ text }) => Array.from(text).length;
  const texts = [];
  let end = -1;
  for (const part of [...parts].sort((a, b) => a.start - b.start || length(b) - length(a))) {
    if (part.start < end) continue;
    texts.push(part.text);
    end = part.start + length(part);
  }
  return squeeze(texts.join(" "));
}

/** Return the normalised value of a part in a few words; an empty string if it has none. */
function valueOf(name, part) {
  if (name === "as_needed") return "";
  if (name === "frequency") return [part.code, part.per_day === undefined ? "" : `${numberOf(part.per_day)} a day`].filter(Boolean).join(", ");
  const amount = numberOf(part.values ?? part.value ?? part);
  const per = isObject(part.per) ? ` in ${numberOf(part.per.value)} ${part.per.unit}` : "";
  return amount && [amount, part.unit].filter(Boolean).join(" ") + per;
}

/** Return a number, a range, several numbers or a word. */
function numberOf(value) {
  if (Array.isArray(value)) return value.join("/");
  if (isObject(value)) return value.low === undefined ? "" : `${value.low}–${value.high}`;
  return String(value);
}
