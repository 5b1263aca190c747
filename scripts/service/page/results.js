// The entities found: filters, table, and exports of the entities that pass the filters.

import { describeAttributes, showAttributes } from "./attributes.js";
import { makeState, otherAttributes, sectionOf, sortStates } from "./context.js";
import { byId, count, element, percent, whole } from "./dom.js";
import { copy, download, toCsv, toJson } from "./export.js";
import { colour, goToMention, markOnly, showText } from "./text.js";

const ROWS = 200;
const collator = new Intl.Collator("en", { numeric: true });
const labels = byId("labels");
const states = byId("states");
const slider = byId("confidence");
const body = byId("rows");
const more = byId("more");
const headings = [...document.querySelectorAll("th button")];
let answer;
let entities = [];
// Of each entity, what its columns with the same names show in one line.
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
  entities = given.documents[0].entities.map((entity) => ({ ...entity, states: sortStates(entity.states ?? []) }));
  described = entities.map((entity) => ({
    states: entity.states.join(", "),
    section: sectionOf(entity),
    attributes: describeAttributes(otherAttributes(entity)),
  }));
  columns = new Set(headings.map(({ dataset }) => dataset.key).filter((key) => entities.some((_, number) => valueOf(number, key) !== null)));
  sorting = { key: "start", direction: 1 };
  cameFrom = null;
  const counts = countAll(({ label }) => [label]).sort(([a], [b]) => collator.compare(a, b));
  showControls(counts);
  showText(text, entities);
  apply();
  byId("results").hidden = false;
  const parts = counts.map(([label, number]) => `${whole(number)} ${label}`);
  return parts.length ? `${count(entities.length, "entity", "entities")} found: ${parts.join(", ")}.` : "No entities found.";
}

function countAll(namesOf) {
  const counts = new Map();
  for (const name of entities.flatMap(namesOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts];
}

function showControls(counts) {
  const empty = entities.length === 0;
  for (const id of ["tools", "shown", "list", "text-hint"]) byId(id).hidden = empty;
  byId("panes").classList.toggle("alone", empty);
  byId("panes").classList.toggle("even", columns.has("attributes") || columns.has("section"));
  for (const heading of headings) heading.parentElement.hidden = !columns.has(heading.dataset.key);
  byId("least").hidden = !columns.has("confidence");
  slider.value = 0;
  showFilters(labels, counts, makeTag);
  const found = new Map(countAll((entity) => entity.states));
  showFilters(states, sortStates(found.keys()).map((state) => [state, found.get(state)]), makeState);
  states.hidden = found.size === 0;
}

function showFilters(group, counts, show) {
  group.replaceChildren(group.firstElementChild, ...counts.map(([name, number]) => {
    const box = element("input", { type: "checkbox", value: name, checked: true });
    return element("label", {}, box, show(name), ` ${whole(number)}`);
  }));
}

const checkedIn = (group) => new Set([...group.querySelectorAll("input:checked")].map((box) => box.value));

const makeTag = (label) => element("span", { className: `tag ${colour(label)}` }, label);

/** Filter and sort the entities, and show the result. */
function apply() {
  frame = null;
  const [wanted, included] = [checkedIn(labels), checkedIn(states)];
  const least = slider.value / 100;
  const leastShown = slider.value === "0" ? "any" : `${slider.value}%`;
  byId("least-shown").value = leastShown;
  slider.setAttribute("aria-valuetext", leastShown);
  // An entity passes with all of its states, and without a confidence only if there is no minimum.
  const passes = (entity) =>
    wanted.has(entity.label) && entity.states.every((state) => included.has(state)) && (entity.confidence ?? 0) >= least;
  listed = [...entities.keys()].filter((number) => passes(entities[number]));
  markOnly(new Set(listed));
  byId("shown").textContent = `${whole(listed.length)} of ${count(entities.length, "entity", "entities")} shown.`;
  sort();
}

/** Return what a column is sorted by, or null if the entity has nothing in it. */
const valueOf = (number, key) => (key in described[number] ? described[number][key] || null : entities[number][key]);

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
  const { text, label, start, end, confidence, kb_id: id, states: found } = entities[number];
  const button = element("button", { type: "button" }, text);
  button.dataset.number = number;
  const cells = [[button], [makeTag(label)]];
  if (columns.has("states")) cells.push([element("span", { className: "states" }, ...found.map(makeState))]);
  if (columns.has("section")) cells.push([described[number].section ?? "", "wide"]);
  if (columns.has("attributes")) {
    cells.push([described[number].attributes ? showAttributes(otherAttributes(entities[number])) : "", "wide"]);
  }
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
states.addEventListener("change", applySoon);
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
