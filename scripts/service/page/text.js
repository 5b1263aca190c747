// The annotated text: its marked mentions, the keys to move between them, and the tooltip.

import { describeAttributes, showAttributes } from "./attributes.js";
import { describeCode, explainCodes } from "./codes.js";
import { cuesOf, describeSection, lineOf, otherAttributes, sectionOf } from "./context.js";
import { byId, element, percent } from "./dom.js";
import { explainOrder, orderOf } from "./orders.js";

const PALETTE = 6;
// The minimum number of characters in a block, and the maximum if it has no line end.
const BLOCK = 4000;
const LONG_BLOCK = 8000;
const MARGIN = 8;
const pane = byId("text");
const tooltip = byId("tooltip");
const colours = new Map();
let entities = [];
let marks = [];
// The code points of the text, by which the service counts; made when a tooltip quotes one for the first time.
let points = null;
let shownText = "";
// The mention that the tooltip describes, and the one that the Tab key focuses.
let described = null;
let current = null;
let hiding;

/** Return the class of a label. A label keeps its colour while the page is open. */
export function colour(label) {
  if (!colours.has(label)) colours.set(label, `label-${colours.size % PALETTE}`);
  return colours.get(label);
}

/** Convert the entities' offsets: the service counts code points, JavaScript UTF-16 units. */
function toUnits(text, sorted) {
  let point = 0;
  let unit = 0;
  const unitOf = (target) => {
    for (; point < target; point++) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    return unit;
  };
  return sorted.map(({ start, end }) => [unitOf(start), unitOf(end)]);
}

function makeMark(content, entity, number) {
  const mark = element("mark", { className: `${colour(entity.label)} ${lineOf(entity.states)}`, tabIndex: -1 }, element("span", {}, content));
  mark.dataset.label = [entity.label, ...entity.states].join(" · ");
  mark.dataset.number = number;
  return mark;
}

/**
 * Find where a block can end, so that the browser can skip the blocks that are out of view: at the end of a line,
 * where it is invisible. A long text without line ends would take seconds to lay out; it is cut at a space instead.
 */
function findCut(plain, size) {
  const lineEnd = plain.indexOf("\n", Math.max(0, BLOCK - size));
  if (lineEnd >= 0 && lineEnd < LONG_BLOCK - size) return lineEnd + 1;
  const space = plain.indexOf(" ", Math.max(0, LONG_BLOCK - size));
  return space >= 0 ? space + 1 : null;
}

/** Show a text and mark its entities, which are in order of position. */
export function showText(text, found) {
  hideTooltip();
  entities = found;
  marks = [];
  points = null;
  shownText = text;
  const fragment = document.createDocumentFragment();
  const startBlock = () => fragment.appendChild(element("div", { className: "block" }));
  let block = startBlock();
  let size = 0;
  function add(plain) {
    for (let rest = plain; rest; ) {
      const cut = findCut(rest, size);
      block.append(rest.slice(0, cut ?? rest.length));
      size += rest.length;
      if (cut === null) return;
      block = startBlock();
      size = 0;
      rest = rest.slice(cut);
    }
  }
  let shown = 0;
  toUnits(text, found).forEach(([start, end], number) => {
    add(text.slice(shown, start));
    marks.push(block.appendChild(makeMark(text.slice(start, end), found[number], number)));
    size += end - start;
    shown = end;
  });
  add(text.slice(shown));
  if (!block.hasChildNodes()) block.remove();
  pane.replaceChildren(fragment);
  pane.scrollTop = 0;
  setCurrent(marks[0] ?? null);
}

/** Mark only the entities with these numbers, and show the others as plain text. */
export function markOnly(numbers) {
  hideTooltip();
  marks.forEach((mark, number) => {
    if (!numbers.has(number)) mark.removeAttribute("tabindex");
    else if (!isMarked(mark)) mark.tabIndex = -1;
  });
  setCurrent(current && isMarked(current) ? current : (marks.find(isMarked) ?? null));
}

const isMarked = (mark) => mark.hasAttribute("tabindex");

/** Scroll to the mention with this number and focus it. */
export function goToMention(number) {
  const mark = marks[number];
  setCurrent(mark);
  mark.focus({ preventScroll: true });
  mark.scrollIntoView({ block: "center", inline: "nearest" });
}

// The Tab key focuses only one of possibly thousands of mentions; the arrow keys move on from there.
function setCurrent(mark) {
  if (current && isMarked(current)) current.tabIndex = -1;
  current = mark;
  if (current) current.tabIndex = 0;
}

function neighbour(mark, key) {
  const shown = marks.filter(isMarked);
  const place = shown.indexOf(mark);
  const places = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: shown.length - 1 };
  return shown[places[key]];
}

pane.addEventListener("keydown", (event) => {
  const mark = event.target.closest("mark");
  if (!mark || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const next = neighbour(mark, event.key);
  if (!next) return;
  event.preventDefault();
  goToMention(Number(next.dataset.number));
});

function describe(entity) {
  const { label, states, confidence } = entity;
  const known = confidence === null ? "no confidence reported" : `confidence ${percent(confidence)}`;
  return [label, ...states, known, describeCode(entity)].filter(Boolean).join(", ");
}

function showTooltip(mark) {
  if (mark !== described) hideTooltip();
  clearTimeout(hiding);
  described = mark;
  mark.setAttribute("aria-describedby", tooltip.id);
  const entity = entities[mark.dataset.number];
  tooltip.replaceChildren(describe(entity));
  points ??= Array.from(shownText);
  const section = sectionOf(entity) ? [["section", describeSection(entity)]] : [];
  const order = orderOf(entity) ? explainOrder(orderOf(entity)) : [];
  const details = [...order, ...explainCodes(entity), ...cuesOf(entity, points), ...section, ...otherAttributes(entity)];
  if (describeAttributes(details)) tooltip.append(showAttributes(details));
  tooltip.hidden = false;
  placeTooltip();
}

function hideTooltip() {
  clearTimeout(hiding);
  tooltip.hidden = true;
  described?.removeAttribute("aria-describedby");
  described = null;
}

/** Place the tooltip above its mention, or below if there is no room. Hide it while the mention is out of view. */
function placeTooltip() {
  if (!described) return;
  const [line] = described.getClientRects();
  const view = pane.getBoundingClientRect();
  const { width, height } = tooltip.getBoundingClientRect();
  const left = Math.max(MARGIN, Math.min(line.left, document.documentElement.clientWidth - width - MARGIN));
  const top = line.top >= height ? line.top - height : described.getBoundingClientRect().bottom;
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${top}px`;
  tooltip.style.visibility = line.bottom < view.top || line.top > view.bottom ? "hidden" : "";
}

// The delay allows the pointer to move onto the tooltip, which then stays.
const hideSoon = () => {
  clearTimeout(hiding);
  hiding = setTimeout(() => (document.activeElement?.matches("mark[tabindex]") ? showTooltip(document.activeElement) : hideTooltip()), 150);
};
const markOf = (event) => event.target.closest("mark[tabindex]");

for (const type of ["pointerover", "focusin"]) {
  pane.addEventListener(type, (event) => {
    const mark = markOf(event);
    if (mark) showTooltip(mark);
    if (mark && type === "focusin") setCurrent(mark);
  });
}
pane.addEventListener("pointerout", (event) => markOf(event) && hideSoon());
pane.addEventListener("focusout", hideTooltip);
tooltip.addEventListener("pointerenter", () => clearTimeout(hiding));
tooltip.addEventListener("pointerleave", hideSoon);
document.addEventListener("keydown", (event) => event.key === "Escape" && hideTooltip());
document.addEventListener("scroll", placeTooltip, { capture: true, passive: true });
window.addEventListener("resize", placeTooltip);
