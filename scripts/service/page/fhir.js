// FHIR resources of the entities that are shown. The service makes them: `annotate --format fhir` writes the same.

import { count } from "./dom.js";
import { downloadJson } from "./export.js";

/** Return the offset of the mention that a resource is from; null for what is about the whole text. */
function offsetOf({ extension = [] }) {
  const place = extension.find(({ url }) => url.endsWith("/derivation-reference"));
  return place?.extension.find(({ url }) => url === "offset").valueInteger ?? null;
}

/** Download a Bundle without the resources of other mentions than those that start at the offsets. */
export function downloadFhir(bundle, starts) {
  const entry = (bundle.entry ?? []).filter(({ resource }) => offsetOf(resource) === null || starts.has(offsetOf(resource)));
  // FHIR has no empty lists.
  downloadJson(entry.length ? { ...bundle, entry } : { ...bundle, entry: undefined }, "entities.fhir.json");
  const resources = entry.filter(({ resource }) => offsetOf(resource) !== null);
  return `Downloaded ${count(resources.length, "FHIR resource")} of ${count(starts.size, "entity", "entities")}.`;
}
