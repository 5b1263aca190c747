// The table of concepts: a row for each concept, label and state, with the columns of `annotate --format table`.

import { conceptsOf, showId } from "./codes.js";
import { makeState } from "./context.js";
import { byId, element, percent, whole } from "./dom.js";
import { toTable } from "./export.js";
import { doseOf, orderOf } from "./orders.js";

const FIELDS = ["label", "state", "code", "name", "dose", "start", "mentions", "confidence"];
const ROWS = 500;
const body = byId("concept-rows");
let rows = [];

/** Put entities together by concept, label and state, in the order of their first mentions. */
function putTogether(entities, numbers) {
  const found = new Map();
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const entity = entities[number];
    for (const [code, name] of conceptsOf(entity)) {
      const key = JSON.stringify([entity.label, entity.states, code ?? name.toLowerCase()]);
      if (!found.has(key)) found.set(key, makeConcept(entity, number, code, name));
      addMention(found.get(key), entity);
    }
  }
  return [...found.values()];
}

function makeConcept({ label, states, start, text }, number, code, name) {
  return { label, states, state: states.join(", "), code, name: name ?? text, dose: "", start, number, mentions: 0, confidence: null };
}

/** The highest confidence and the first dose count. */
function addMention(row, entity) {
  row.mentions += 1;
  const order = orderOf(entity);
  row.dose ||= order ? doseOf(order) : "";
  if (entity.confidence !== null) row.confidence = Math.max(row.confidence ?? 0, entity.confidence);
}

/** Show the concepts of the entities with these numbers. `makeTag` shows a label. */
export function showConcepts(entities, numbers, makeTag) {
  rows = putTogether(entities, numbers);
  const has = (field) => rows.some((row) => row[field]);
  for (const heading of document.querySelectorAll("#concepts th")) {
    heading.hidden = ["state", "code", "dose"].includes(heading.dataset.field) && !has(heading.dataset.field);
    if (heading.dataset.field === "confidence") heading.hidden = rows.every(({ confidence }) => confidence === null);
  }
  const shown = [...document.querySelectorAll("#concepts th")].filter((heading) => !heading.hidden).map(({ dataset }) => dataset.field);
  body.replaceChildren(...rows.slice(0, ROWS).map((row) => makeRow(row, shown, makeTag)));
  const left = rows.length - ROWS;
  byId("more-concepts").textContent = left > 0 ? `${whole(left)} more are in the CSV.` : "";
}

function makeRow(row, shown, makeTag) {
  const button = element("button", { type: "button" }, row.name);
  button.dataset.number = row.number;
  const cells = {
    name: [button],
    code: [row.code ? showId(row.code) : ""],
    label: [makeTag(row.label)],
    state: [element("span", { className: "states" }, ...row.states.map(makeState))],
    dose: [row.dose, "wide"],
    mentions: [whole(row.mentions), "number"],
    start: [String(row.start), "number"],
    confidence: [row.confidence === null ? "none" : percent(row.confidence), "number"],
  };
  const made = shown.map((field) => cells[field]);
  return element("tr", {}, ...made.map(([content, className = ""]) => element("td", { className }, content)));
}

/** Return the concepts that are shown as CSV, and how many there are. */
export const conceptsToCsv = () => [toTable([FIELDS, ...rows.map((row) => FIELDS.map((field) => row[field]))]), rows.length];
