// The annotated text: mentions marked in it, the keys that go from one to the next, and the tooltip.

import { byId, element, percent } from "./dom.js";

const PALETTE = 6;
// Characters in a block, at least, and where there is no line end, at most.
const BLOCK = 4000;
const LONG_BLOCK = 8000;
const MARGIN = 8;
const pane = byId("text");
const tooltip = byId("tooltip");
const colours = new Map();
let entities = [];
let marks = [];
// The mention that the tooltip is about, and the one that the Tab key leads to.
let described = null;
let current = null;
let hiding;

/** Give a label's class. A label keeps its colour for as long as the page is open. */
export function colour(label) {
  if (!colours.has(label)) colours.set(label, `label-${colours.size % PALETTE}`);
  return colours.get(label);
}

/** Translate the entities' offsets: the service counts code points, a string's indices count UTF-16 units. */
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
  const mark = element("mark", { className: colour(entity.label), tabIndex: -1 }, content);
  mark.dataset.label = entity.label;
  mark.dataset.number = number;
  return mark;
}

/**
 * Find where a block may end, for the browser to skip the blocks that are out of view: at a line's end, where it does
 * not show. A text without line ends would take seconds to lay out in one piece; there a space has to do.
 */
function findCut(plain, size) {
  const lineEnd = plain.indexOf("\n", Math.max(0, BLOCK - size));
  if (lineEnd >= 0 && lineEnd < LONG_BLOCK - size) return lineEnd + 1;
  const space = plain.indexOf(" ", Math.max(0, LONG_BLOCK - size));
  return space >= 0 ? space + 1 : null;
}

/** Show a text and mark its entities, which come by their start. */
export function showText(text, found) {
  hideTooltip();
  entities = found;
  marks = [];
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

/** Mark the entities with these numbers, and leave the others as plain text. */
export function markOnly(numbers) {
  hideTooltip();
  marks.forEach((mark, number) => {
    if (!numbers.has(number)) mark.removeAttribute("tabindex");
    else if (!isMarked(mark)) mark.tabIndex = -1;
  });
  setCurrent(current && isMarked(current) ? current : (marks.find(isMarked) ?? null));
}

const isMarked = (mark) => mark.hasAttribute("tabindex");

/** Scroll to the mention with this number and put the focus on it. */
export function goToMention(number) {
  const mark = marks[number];
  setCurrent(mark);
  mark.focus({ preventScroll: true });
  mark.scrollIntoView({ block: "center", inline: "nearest" });
}

// Of thousands of mentions the Tab key leads to one; the arrow keys lead on from there.
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

function describe({ label, confidence, kb_id: id }) {
  const known = confidence === null ? "no confidence given" : `confidence ${percent(confidence)}`;
  return [label, known, id].filter(Boolean).join(", ");
}

function showTooltip(mark) {
  if (mark !== described) hideTooltip();
  clearTimeout(hiding);
  described = mark;
  mark.setAttribute("aria-describedby", tooltip.id);
  tooltip.textContent = describe(entities[mark.dataset.number]);
  tooltip.hidden = false;
  placeTooltip();
}

function hideTooltip() {
  clearTimeout(hiding);
  tooltip.hidden = true;
  described?.removeAttribute("aria-describedby");
  described = null;
}

/** Put the tooltip above its mention, or under it where there is no room; nowhere while the mention is out of view. */
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

// The pointer may cross over to the tooltip; then it stays.
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
