"use strict";
// Filters the errors and lists them; all text from documents is set as text, never as markup.
(() => {
  const CHUNK = 100;
  const data = JSON.parse(document.getElementById("data").textContent);
  const errors = data.rows.map((row) => Object.fromEntries(data.fields.map((field, i) => [field, row[i]])));
  const form = document.getElementById("filters");
  const list = document.getElementById("rows");
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  let matching = [];

  const plain = (name) => name.replaceAll("_", " ");

  function element(tag, className, ...content) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...content);
    return made;
  }

  function matches(error, filter) {
    if (filter.kind && error.class !== filter.kind && error.boundary !== filter.kind) return false;
    if (filter.label && error.label !== filter.label) return false;
    if (filter.flag && !error.flags.includes(filter.flag)) return false;
    if (filter.side && error.side !== filter.side) return false;
    const search = filter.search.trim().toLowerCase();
    return !search || error.id.toLowerCase() === search || (error.text ?? "").toLowerCase().includes(search);
  }

  // Offsets count code points; a string's own indices count UTF-16 units.
  function excerpt(error, start, end) {
    const before = Array.from(error.before);
    const around = [...before, ...Array.from(error.text), ...Array.from(error.after)];
    const first = error.start - before.length;
    const text = around.slice(Math.max(0, start - first), Math.max(0, end - first)).join("");
    return `${start < first ? "…" : ""}${text}${end > first + around.length ? "…" : ""}`;
  }

  function sideOf(error, side) {
    const mentions = error[side].map(([start, end, label]) =>
      error.text === null ? `${label} ${start} to ${end}` : `${label} “${excerpt(error, start, end)}”`,
    );
    return `${plain(side)}: ${mentions.join(", ") || "none"}`;
  }

  function row(error) {
    const kind = error.boundary ? `${plain(error.class)}: ${plain(error.boundary)}` : plain(error.class);
    const where = `${error.id}, ${error.start} to ${error.end}`;
    const head = element("p", "", element("strong", error.class, kind), ` ${error.label}, ${plain(error.side)}`);
    head.append(" ", element("span", "where", where));
    for (const flag of error.flags) head.append(" ", element("span", "flag", plain(flag)));
    const made = element("li", "", head);
    if (error.text !== null) {
      const quote = element("p", "quote", error.before, element("b", error.class, error.text), error.after);
      made.append(quote);
    }
    made.append(element("p", "sides", `${sideOf(error, "gold")}; ${sideOf(error, "predicted")}`));
    made.tabIndex = -1;
    return made;
  }

  function showMore() {
    const shown = list.childElementCount;
    list.append(...matching.slice(shown, shown + CHUNK).map((number) => row(errors[number])));
    more.hidden = list.childElementCount >= matching.length;
    return list.children[shown];
  }

  function showDocuments(numbers) {
    for (const shown of document.querySelectorAll(".document")) {
      let left = 0;
      for (const mark of shown.querySelectorAll("[data-errors]")) {
        const hit = mark.dataset.errors.split(" ").some((number) => numbers.has(Number(number)));
        mark.classList.toggle("filtered", !hit);
        left += hit;
      }
      shown.hidden = left === 0;
    }
  }

  function apply() {
    const filter = Object.fromEntries(new FormData(form));
    matching = [...errors.keys()].filter((number) => matches(errors[number], filter));
    const format = (number) => number.toLocaleString("en");
    count.textContent = `${format(matching.length)} of ${format(errors.length)} errors`;
    list.replaceChildren();
    showMore();
    showDocuments(new Set(matching));
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  // The controls have their old values until the event is over.
  form.addEventListener("reset", () => setTimeout(apply));
  more.addEventListener("click", () => showMore()?.focus());
  apply();
})();
