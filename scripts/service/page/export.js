// Export entities as JSON and CSV, to the clipboard and to a file, and FHIR resources to a file.

import { element } from "./dom.js";
import { doseOf, orderOf } from "./orders.js";

const FIELDS = ["text", "label", "start", "end", "confidence", "kb_id", "kb_name", "dose", "attributes", "states"];

/** Return entities as JSON, in the form of the service's response. */
export function toJson(entities, answer) {
  return JSON.stringify({ model: answer.model, offset_unit: answer.offset_unit, entities }, null, 2);
}

/** Return entities as CSV with a header. Attributes are written as a JSON object. */
export function toCsv(entities) {
  const withDose = entities.map((entity) => ({ ...entity, dose: orderOf(entity) ? doseOf(orderOf(entity)) : null }));
  return toTable([FIELDS, ...withDose.map((entity) => FIELDS.map((field) => entity[field]))]);
}

/** Return rows as CSV (RFC 4180) with CRLF line ends. */
export const toTable = (rows) => rows.map((row) => `${row.map(toField).join(",")}\r\n`).join("");

function toField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return toField(value.join(", "));
  if (typeof value === "object") return quote(JSON.stringify(value));
  // A spreadsheet would evaluate such a text as a formula; the apostrophe prevents that.
  return quote(/^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value);
}

const quote = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Copy a text to the clipboard. */
export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Browsers offer no clipboard to pages loaded over plain HTTP from another machine, but this still works.
  const focused = document.activeElement;
  const field = document.body.appendChild(element("textarea", { value: text }));
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  if (!done) throw new Error("The browser did not allow it");
}

/** Download a CSV. The byte order mark tells spreadsheets that it is UTF-8. */
export const download = (csv, name) => save(new Blob(["\ufeff", csv], { type: "text/csv;charset=utf-8" }), name);

/** Download a value as JSON. */
export const downloadJson = (value, name) => save(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }), name);

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
