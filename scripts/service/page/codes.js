// The codes of mentions: the id and name of a concept, links to its page, and the groups of mentions with the same concept.

import { count, element, percent, squeeze } from "./dom.js";

// Ids of descriptors and of supplementary records, such as D006973 and C000657245.
const MESH = /^(?:MESH:)?([CD]\d{6}(?:\d{3})?)$/;
const MESH_BROWSER = "https://meshb.nlm.nih.gov/";

// The address of a concept's page with {id} in it; empty if the vocabulary names none.
let browser = "";

/** Link ids to the pages that the vocabulary names. An id that only looks like one of MeSH is no reason for a link. */
export function linkTo(vocabulary) {
  const named = vocabulary?.browser ?? "";
  browser = /^https:\/\/.+\{id\}/.test(named) ? named : "";
}

/** Return the text by which mentions are the same. */
const normalise = (text) => squeeze(text).toLowerCase();

const isCandidate = (one) => one !== null && typeof one === "object" && typeof one.id === "string" && typeof one.name === "string";

/** List the candidates of a mention that have an id and a name. */
export function candidatesOf({ attributes: { kb_candidates: found } }) {
  return Array.isArray(found) ? found.filter(isCandidate) : [];
}

/** Return the ids of a mention; a composite one has several. */
export const idsOf = ({ kb_id: id }) => (id ? id.split("|") : []);

/** Return the names of a mention's concepts by their ids. */
function namesOf(entity) {
  const names = new Map();
  for (const { id, name } of candidatesOf(entity)) {
    const ids = id.split("|");
    const split = ids.length > 1 ? name.split(" | ") : [name];
    ids.forEach((one, number) => names.has(one) || names.set(one, split[number] ?? name));
  }
  return names;
}

/** List the concepts of a mention as [id, name]. One without an id has its text as its name. */
export function conceptsOf(entity) {
  const names = namesOf(entity);
  const concepts = [...new Set(idsOf(entity))].map((id) => [id, names.get(id) ?? null]);
  return concepts.length ? concepts : [[null, squeeze(entity.text)]];
}

/** Return what the mentions of a concept have in common. */
export const keyOf = (entity) => (entity.kb_id ? `id ${entity.kb_id}` : `text ${entity.label} ${normalise(entity.text)}`);

/** Return the code and name of a mention's concept in one line; an empty string without a code. */
export function describeCode(entity) {
  return idsOf(entity).length ? conceptsOf(entity).map(([id, name]) => [id, name].filter(Boolean).join(" ")).join(" | ") : "";
}

/** List how certain the code of a mention is, and the other candidates, as [name, text] for the tooltip. */
export function explainCodes(entity) {
  const { kb_id: id, attributes: { kb_score: score } } = entity;
  const chosen = id && typeof score === "number" ? [["certainty of the code", percent(score)]] : [];
  const others = candidatesOf(entity).filter((one) => one.id !== id);
  if (!others.length) return chosen;
  const listed = others.map((one) => `${one.id} ${one.name}${typeof one.score === "number" ? ` ${percent(one.score)}` : ""}`);
  return [...chosen, [id ? "other candidates" : "no code; candidates", listed.join(", ")]];
}

/** Show an id, with a link to its concept's page. Nothing is fetched before somebody follows it. */
export function showId(id) {
  const inMesh = browser.startsWith(MESH_BROWSER);
  // A corpus can add ids of other vocabularies.
  const record = inMesh ? MESH.exec(id)?.[1] : id;
  if (!browser || !record) return id;
  const href = browser.replace("{id}", () => encodeURIComponent(record));
  const link = element("a", { href, target: "_blank", rel: "noopener noreferrer" }, id);
  link.append(element("span", { className: "unseen" }, inMesh ? " in the MeSH browser" : ` on ${new URL(href).host}`));
  return link;
}

/** Show the ids of a mention, separated by commas. */
export function showIds(ids) {
  return ids.flatMap((id, number) => (number ? [", ", showId(id)] : [showId(id)]));
}

/** Show a concept with its mentions: "Hypertension (D006973): HTN, high blood pressure, 3 mentions". */
export function showGroup(mentions) {
  const [first] = mentions;
  const concepts = conceptsOf(first);
  const ids = idsOf(first);
  const title = concepts.map(([id, name]) => name ?? id).join(" | ");
  const forms = new Map(mentions.map(({ text }) => [normalise(text), squeeze(text)]).reverse());
  forms.delete(normalise(title));
  const written = ids.length ? [...forms.values()].reverse() : [];
  const code = ids.length && concepts.some(([, name]) => name) ? [" (", ...showIds(ids), ")"] : [];
  const name = ids.length && !code.length ? showIds(ids) : [title];
  return [element("strong", {}, ...name), ...code, `: ${[...written, count(mentions.length, "mention")].join(", ")}`];
}
