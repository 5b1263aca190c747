// Entities as JSON and CSV, to the clipboard and into a file.

import { element } from "./dom.js";

const FIELDS = ["text", "label", "start", "end", "confidence", "kb_id"];

/** Give entities in the shape of the service's answer. */
export function toJson(entities, answer) {
  return JSON.stringify({ model: answer.model, offset_unit: answer.offset_unit, entities }, null, 2);
}

/** Give entities as CSV (RFC 4180): a header, lines that end in CRLF, fields in quotes where they need them. */
export function toCsv(entities) {
  const rows = [FIELDS, ...entities.map((entity) => FIELDS.map((field) => entity[field]))];
  return rows.map((row) => `${row.map(toField).join(",")}\r\n`).join("");
}

function toField(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  // A spreadsheet would run such a text as a formula; the apostrophe tells it not to.
  const safe = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Put a text into the clipboard. */
export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Browsers have no clipboard for pages that came over plain HTTP from another machine, but still this.
  const focused = document.activeElement;
  const field = document.body.appendChild(element("textarea", { value: text }));
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  if (!done) throw new Error("The browser did not allow it");
}

/** Have a CSV downloaded. The byte order mark tells spreadsheets that it is UTF-8. */
export function download(csv, name) {
  const address = URL.createObjectURL(new Blob(["\ufeff", csv], { type: "text/csv;charset=utf-8" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
