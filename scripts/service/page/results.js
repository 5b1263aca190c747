// The entities found: filters, table, and exports of the entities that pass the filters.

import { describeAttributes, showAttributes } from "./attributes.js";
import { byId, count, element, percent, whole } from "./dom.js";
import { copy, download, toCsv, toJson } from "./export.js";
import { colour, goToMention, markOnly, showText } from "./text.js";

const ROWS = 200;
const collator = new Intl.Collator("en", { numeric: true });
const labels = byId("labels");
const slider = byId("confidence");
const body = byId("rows");
const more = byId("more");
const headings = [...document.querySelectorAll("th button")];
let answer;
let entities = [];
// The attributes of each entity in one line.
let described = [];
// The columns that are not empty.
let columns = new Set();
// The numbers of the entities that pass the filters, in the order of the table.
let listed = [];
let sorting;
let cameFrom = null;
let frame = null;

/** Show what the service found in a text, and return a sentence about it. */
export function showResults(text, given) {
  answer = given;
  entities = given.documents[0].entities;
  described = entities.map(({ attributes }) => describeAttributes(attributes));
  columns = new Set(headings.map(({ dataset }) => dataset.key).filter((key) => entities.some((_, number) => valueOf(number, key) !== null)));
  sorting = { key: "start", direction: 1 };
  cameFrom = null;
  const counts = countLabels();
  showControls(counts);
  showText(text, entities);
  apply();
  byId("results").hidden = false;
  const parts = counts.map(([label, number]) => `${whole(number)} ${label}`);
  return parts.length ? `${count(entities.length, "entity", "entities")} found: ${parts.join(", ")}.` : "No entities found.";
}

function countLabels() {
  const counts = new Map();
  for (const { label } of entities) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => collator.compare(a, b));
}

function showControls(counts) {
  const empty = entities.length === 0;
  for (const id of ["tools", "shown", "list", "text-hint"]) byId(id).hidden = empty;
  byId("panes").classList.toggle("alone", empty);
  byId("panes").classList.toggle("even", columns.has("attributes"));
  for (const heading of headings) heading.parentElement.hidden = !columns.has(heading.dataset.key);
  byId("least").hidden = !columns.has("confidence");
  slider.value = 0;
  labels.replaceChildren(labels.firstElementChild, ...counts.map(([label, number]) => makeFilter(label, number)));
}

function makeFilter(label, number) {
  const box = element("input", { type: "checkbox", value: label, checked: true });
  return element("label", {}, box, makeTag(label), ` ${whole(number)}`);
}

const makeTag = (label) => element("span", { className: `tag ${colour(label)}` }, label);

/** Filter and sort the entities, and show the result. */
function apply() {
  frame = null;
  const wanted = new Set([...labels.querySelectorAll("input:checked")].map((box) => box.value));
  const least = slider.value / 100;
  const leastShown = slider.value === "0" ? "any" : `${slider.value}%`;
  byId("least-shown").value = leastShown;
  slider.setAttribute("aria-valuetext", leastShown);
  // An entity without a confidence passes only if there is no minimum.
  const passes = ({ label, confidence }) => wanted.has(label) && (confidence ?? 0) >= least;
  listed = [...entities.keys()].filter((number) => passes(entities[number]));
  markOnly(new Set(listed));
  byId("shown").textContent = `${whole(listed.length)} of ${count(entities.length, "entity", "entities")} shown.`;
  sort();
}

/** Return what a column is sorted by, or null if the entity has nothing in it. */
const valueOf = (number, key) => (key === "attributes" ? described[number] || null : entities[number][key]);

function compare(first, second) {
  const [a, b] = [valueOf(first, sorting.key), valueOf(second, sorting.key)];
  // Missing values come last in both directions; ties are in the order of the text.
  if (a === null || b === null) return (a === null) - (b === null) || first - second;
  const difference = typeof a === "number" ? a - b : collator.compare(a, b);
  return sorting.direction * difference || first - second;
}

function sort() {
  listed.sort(compare);
  for (const { dataset, parentElement } of headings) {
    const direction = sorting.direction > 0 ? "ascending" : "descending";
    if (dataset.key === sorting.key) parentElement.setAttribute("aria-sort", direction);
    else parentElement.removeAttribute("aria-sort");
  }
  body.replaceChildren();
  showRows();
}

/** Add rows to the table, and return the first of them. */
function showRows() {
  const shown = body.childElementCount;
  body.append(...listed.slice(shown, shown + ROWS).map(makeRow));
  const left = listed.length - body.childElementCount;
  more.hidden = left === 0;
  more.textContent = `Show ${Math.min(ROWS, left)} of ${whole(left)} more`;
  return body.children[shown];
}

function makeRow(number) {
  const { text, label, start, end, confidence, kb_id: id, attributes } = entities[number];
  const button = element("button", { type: "button" }, text);
  button.dataset.number = number;
  const cells = [[button], [makeTag(label)]];
  if (columns.has("attributes")) cells.push([described[number] ? showAttributes(attributes) : "", "wide"]);
  if (columns.has("confidence")) cells.push([confidence === null ? "none" : percent(confidence), "number"]);
  cells.push([`${start}–${end}`, "number"]);
  if (columns.has("kb_id")) cells.push([id ?? ""]);
  return element("tr", {}, ...cells.map(([content, className = ""]) => element("td", { className }, content)));
}

async function copyJson() {
  try {
    await copy(toJson(listed.map((number) => entities[number]), answer));
    return `Copied ${count(listed.length, "entity", "entities")} as JSON.`;
  } catch (error) {
    return `Copying failed: ${error.message}`;
  }
}

// A dragged slider fires events faster than thousands of mentions can be marked.
const applySoon = () => (frame ??= requestAnimationFrame(apply));
labels.addEventListener("change", applySoon);
slider.addEventListener("input", applySoon);
for (const heading of headings) {
  heading.addEventListener("click", () => {
    const { key } = heading.dataset;
    sorting = { key, direction: sorting.key === key ? -sorting.direction : 1 };
    sort();
  });
}
body.addEventListener("click", (event) => {
  cameFrom = event.target.closest("button");
  if (cameFrom) goToMention(Number(cameFrom.dataset.number));
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && cameFrom?.isConnected) cameFrom.focus();
});
more.addEventListener("click", () => showRows()?.querySelector("button").focus());
byId("copy").addEventListener("click", async () => {
  byId("exported").textContent = await copyJson();
});
byId("download").addEventListener("click", () => {
  download(toCsv(listed.map((number) => entities[number])), "entities.csv");
  byId("exported").textContent = `Downloaded ${count(listed.length, "entity", "entities")} as CSV.`;
});
