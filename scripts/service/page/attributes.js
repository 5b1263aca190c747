// A mention's attributes in words. Which ones there are depends on the pipeline, so nothing here knows their names.
// They are lists of names and values.

import { element } from "./dom.js";

const toWords = (name) => name.replace(/^is_/, "").replaceAll("_", " ");

/** Write any JSON value as compact text, with what is nested in it in parentheses. */
function toText(value, nested = false) {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return String(value);
  const names = Array.isArray(value) ? null : Object.keys(value);
  const parts = Object.values(value).map((inner, index) => {
    const text = toText(inner, true);
    return text && names ? `${toWords(names[index])} ${text}` : text;
  });
  const text = parts.filter(Boolean).join(", ");
  return nested && text ? `(${text})` : text;
}

/** List what attributes say: flags that are true as [name], other values as [name, value]. Flags come first. */
function listAttributes(attributes) {
  const given = attributes.map(([name, value]) => [toWords(name), value]);
  const flags = given.filter(([, value]) => value === true).map(([name]) => [name]);
  const values = given.filter(([, value]) => typeof value !== "boolean").map(([name, value]) => [name, toText(value)]);
  return [...flags, ...values.filter(([, text]) => text)];
}

/** Describe attributes in one line; an empty string if they say nothing. */
export function describeAttributes(attributes) {
  return listAttributes(attributes).map((item) => item.join(": ")).join(", ");
}

/** Show attributes as a list: flags as chips, other values after their names. */
export function showAttributes(attributes) {
  const items = listAttributes(attributes).map(([name, text]) => {
    if (text === undefined) return element("li", { className: "chip" }, name);
    return element("li", {}, element("span", { className: "name" }, `${name}:`), ` ${text}`);
  });
  return element("ul", { className: "attributes" }, ...items);
}
