// A mention's state (present, denied, …), the cues that say so, and the section that it is in, in words.

import { candidatesOf } from "./codes.js";
import { element, squeeze } from "./dom.js";
import { orderOf } from "./orders.js";

// In the order of the filters: the attribute that each state is read from, and the category of its cues.
const STATES = {
  present: {},
  denied: { flag: "is_negated", category: "NEGATED_EXISTENCE" },
  past: { flag: "is_historical", category: "HISTORICAL" },
  possible: { flag: "is_uncertain", category: "POSSIBLE_EXISTENCE" },
  planned: { flag: "is_hypothetical", category: "HYPOTHETICAL" },
  family: { flag: "is_family", category: "FAMILY" },
  allergy: { flag: "is_allergy", category: "ALLERGY" },
};
// The line of a mention with several states is that of the first of these.
const LINES = ["denied", "family", "allergy", "planned", "possible", "past", "present"];
const FLAGS = Object.values(STATES).map(({ flag }) => flag);
const LONGEST = 60;

/** Sort states in the order of the filters; those that this page does not know come last. */
export function sortStates(states) {
  const known = Object.keys(STATES);
  const rank = (state) => (known.includes(state) ? known.indexOf(state) : known.length);
  return [...states].sort((a, b) => rank(a) - rank(b));
}

/** Return the class with the line of a mention's states. */
export function lineOf(states) {
  const state = LINES.find((one) => states.includes(one));
  return state ? `state-${state}` : "";
}

/** Show a state as it is marked in the text. */
export const makeState = (state) => element("span", { className: `state ${lineOf([state])}` }, state);

/** Return what is said of a mention apart from its state, cues, section, code and order. */
export function otherAttributes(entity) {
  const { attributes, states } = entity;
  const shown = new Set(["section_category", "section_title", "section_code", ...(states.length ? FLAGS : [])]);
  if (candidatesOf(entity).length || !attributes.kb_candidates?.length) shown.add("kb_candidates").add("kb_score");
  if (orderOf(entity)) shown.add("medication");
  const others = Object.entries(attributes).filter(([name]) => !shown.has(name));
  return others.filter(([name, value]) => name !== "modifiers" || !areCues(value));
}

/** Return the name of a mention's section; null without one. */
export function sectionOf({ attributes: { section_category: category, section_title: title } }) {
  return typeof category === "string" ? category.replaceAll("_", " ") : typeof title === "string" ? title.trim() : null;
}

/** Return the section with its heading and code, for the tooltip. */
export function describeSection(entity) {
  const { section_category: category, section_title: title, section_code: code } = entity.attributes;
  const more = [category && title && `“${shorten(String(title))}”`, code && `LOINC ${code}`].filter(Boolean).join(", ");
  return sectionOf(entity) + (more && ` (${more})`);
}

const isPlace = (cue) => cue !== null && typeof cue === "object" && Number.isInteger(cue.start) && Number.isInteger(cue.end);
const areCues = (value) => Array.isArray(value) && value.every(isPlace);

/** Return a state and the text of its cue for each cue of a mention, without those that are there twice. */
export function cuesOf({ attributes: { modifiers } }, points) {
  if (!areCues(modifiers)) return [];
  const cues = new Map();
  for (const { category, start, end } of modifiers) {
    const quoted = `“${shorten(points.slice(start, end).join(""))}”`;
    const cue = [nameOf(category), quoted];
    cues.set(cue.join(), cue);
  }
  return [...cues.values()];
}

function nameOf(category) {
  const found = Object.entries(STATES).find(([, state]) => state.category === category);
  return found ? found[0] : String(category).toLowerCase().replaceAll("_", " ");
}

function shorten(text) {
  const words = squeeze(text).replace(/:$/, "");
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}
