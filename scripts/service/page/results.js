// The entities found: filters, table, and exports of the entities that pass the filters.

import { describeAttributes, showAttributes } from "./attributes.js";
import { conceptsOf, describeCode, idsOf, keyOf, showGroup, showId } from "./codes.js";
import { conceptsToCsv, showConcepts } from "./concepts.js";
import { makeState, otherAttributes, sectionOf, sortStates } from "./context.js";
import { byId, count, element, percent, whole } from "./dom.js";
import { copy, download, toCsv, toJson } from "./export.js";
import { orderOf, orderParts } from "./orders.js";
import { makeTabs } from "./tabs.js";
import { colour, goToMention, markOnly, showText } from "./text.js";

const ROWS = 200;
const collator = new Intl.Collator("en", { numeric: true });
const labels = byId("labels");
const states = byId("states");
const slider = byId("confidence");
const table = byId("rows");
const grouping = byId("grouped");
const more = byId("more");
const headings = [...document.querySelectorAll("#mentions th button")];
let answer;
let entities = [];
// Of each entity, what its columns with the same names show in one line.
let described = [];
// The columns that are not empty.
let columns = new Set();
// The numbers of the entities that pass the filters, in the order of the table.
let listed = [];
// How many of them are in the table, and the part of the table for the last one's group.
let shown = 0;
let part = null;
// The numbers of each group's mentions, if the table is grouped.
let groups = new Map();
let sorting;
let cameFrom = null;
let frame = null;

/** Return the offsets of the entities that are shown. */
export const shownStarts = () => new Set(listed.map((number) => entities[number].start));

/** Show what the service found in a text, and return a sentence about it. */
export function showResults(text, given) {
  answer = given;
  entities = given.documents[0].entities.map((entity) => ({ ...entity, states: sortStates(entity.states ?? []) }));
  described = entities.map((entity) => ({
    states: entity.states.join(", "),
    section: sectionOf(entity),
    code: describeCode(entity),
    order: describeAttributes(orderOf(entity) ? orderParts(orderOf(entity)) : []),
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
  byId("panes").classList.toggle("even", ["attributes", "section", "order", "code"].some((key) => columns.has(key)));
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
  showConcepts(entities, listed, makeTag);
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

/** Return whether a column is shown. Groups have labels and codes in their headings. */
const isShown = (key) => columns.has(key) && !(grouping.checked && ["label", "code"].includes(key));

/** Put the numbers of mentions with the same concept together, in the order of the first of each. */
function groupUp(numbers) {
  const groups = new Map();
  for (const number of numbers) {
    const key = keyOf(entities[number]);
    if (groups.has(key)) groups.get(key).push(number);
    else groups.set(key, [number]);
  }
  return groups;
}

function sort() {
  listed.sort(compare);
  groups = grouping.checked ? groupUp(listed) : new Map();
  if (grouping.checked) listed = [...groups.values()].flat();
  for (const { dataset, parentElement } of headings) {
    parentElement.hidden = !isShown(dataset.key);
    const direction = sorting.direction > 0 ? "ascending" : "descending";
    if (dataset.key === sorting.key) parentElement.setAttribute("aria-sort", direction);
    else parentElement.removeAttribute("aria-sort");
  }
  for (const old of [...table.tBodies]) old.remove();
  [shown, part] = [0, null];
  showRows();
}

/** Add rows to the table, and return the first of them. */
function showRows() {
  const rows = listed.slice(shown, shown + ROWS).map((number) => {
    const row = makeRow(number);
    partFor(number).append(row);
    return row;
  });
  shown += rows.length;
  const left = listed.length - shown;
  more.hidden = left === 0;
  more.textContent = `Show ${Math.min(ROWS, left)} of ${whole(left)} more`;
  return rows[0];
}

/** Return the part of the table for a mention. A group has one of its own, which starts with a heading. */
function partFor(number) {
  const key = grouping.checked ? keyOf(entities[number]) : "";
  if (part?.key === key) return part.body;
  part = { key, body: table.appendChild(element("tbody")) };
  if (grouping.checked) {
    const heading = element("th", { scope: "rowgroup", colSpan: headings.filter(({ dataset }) => isShown(dataset.key)).length });
    const mentions = [...groups.get(key)].sort((a, b) => a - b).map((one) => entities[one]);
    const tags = [...new Set(mentions.map(({ label }) => label))].map(makeTag);
    heading.append(element("div", {}, ...tags, " ", ...showGroup(mentions)));
    part.body.append(element("tr", { className: "group" }, heading));
  }
  return part.body;
}

function makeRow(number) {
  const entity = entities[number];
  const button = element("button", { type: "button" }, entity.text);
  button.dataset.number = number;
  const { order, section, attributes } = described[number];
  const cells = {
    text: () => [button],
    order: () => [order ? showAttributes(orderParts(orderOf(entity))) : "", "wide"],
    code: () => [showCode(entity), "wide"],
    label: () => [makeTag(entity.label)],
    states: () => [element("span", { className: "states" }, ...entity.states.map(makeState))],
    section: () => [section ?? "", "wide"],
    attributes: () => [attributes ? showAttributes(otherAttributes(entity)) : "", "wide"],
    confidence: () => [entity.confidence === null ? "none" : percent(entity.confidence), "number"],
    start: () => [`${entity.start}–${entity.end}`, "number"],
  };
  const row = headings.filter(({ dataset }) => isShown(dataset.key)).map(({ dataset }) => cells[dataset.key]());
  return element("tr", {}, ...row.map(([content, className = ""]) => element("td", { className }, content)));
}

/** Show the codes and names of a mention's concepts, and how certain they are. */
function showCode(entity) {
  if (!idsOf(entity).length) return "";
  const parts = conceptsOf(entity).flatMap(([id, name], number) => [number ? " | " : "", showId(id), name ? ` ${name}` : ""]);
  const score = entity.attributes.kb_score;
  return element("span", {}, ...parts, typeof score === "number" ? `, ${percent(score)}` : "");
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
grouping.addEventListener("change", sort);
for (const rows of [table, byId("concept-rows")]) {
  rows.addEventListener("click", (event) => {
    const button = event.target.closest("td button");
    if (!button) return;
    cameFrom = button;
    goToMention(Number(button.dataset.number));
  });
}
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
byId("download-concepts").addEventListener("click", () => {
  const [csv, number] = conceptsToCsv();
  download(csv, "concepts.csv");
  byId("exported").textContent = `Downloaded ${count(number, "concept")} as CSV.`;
});
makeTabs(byId("tables"));
