// Take a text, request its entities from the service, and report progress and errors. Nothing is stored.

import { linkTo } from "./codes.js";
import { byId, count, whole } from "./dom.js";
import { downloadFhir } from "./fhir.js";
import { showResults, shownStarts } from "./results.js";
import { colour } from "./text.js";

const form = byId("ask");
const note = byId("note");
const token = byId("token");
const annotate = byId("annotate");
const cancel = byId("cancel");
const results = byId("results");
// The response of /v1/model, once it has arrived.
let model = null;
// The text of a file, and the same text as the field returns it: with normalized line ends.
let file = { text: "", shown: "" };
let asking = null;
// The text whose entities are shown.
let annotated = "";

// An error with a message for the user, and the field in which to correct it.
class PageError extends Error {
  constructor(message, field = null) {
    super(message);
    this.field = field;
  }
}

/** Send a request and return the JSON of the response. */
async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token.value) headers.authorization = `Bearer ${token.value}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new PageError("The service cannot be reached. Is it running?");
  }
  if (answer.status === 401) throw askForToken();
  if (!answer.ok) throw new PageError(await explain(answer));
  return answer.json();
}

function askForToken() {
  byId("token-field").hidden = false;
  return new PageError(token.value ? "The service does not accept this token." : "The service requires a token.", token);
}

async function explain(answer) {
  let reason = "no reason given";
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") reason = detail;
  } catch {
    // The response is a proxy's, not the service's.
  }
  return `The service responded with ${answer.status}: ${reason}.${whenAgain(answer.headers.get("retry-after"))}`;
}

/** Return a sentence that says when to try again. The header holds seconds or a date. */
function whenAgain(retryAfter) {
  if (!retryAfter) return "";
  const seconds = Number.isFinite(Number(retryAfter)) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? ` Try again in ${count(Math.max(1, Math.ceil(seconds)), "second")}.` : "";
}

/** Send JSON and return the JSON of the response. */
const post = (path, body, options = {}) =>
  ask(path, { ...options, method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** Show the name of the pipeline and what it finds. */
async function describeModel() {
  try {
    model = await ask("v1/model");
  } catch {
    // The first request will report the error.
    return;
  }
  model.labels.forEach(colour);
  const trained = model.corpus ? `, trained on ${model.corpus}` : "";
  const linked = model.vocabulary ? ` Codes are from ${model.vocabulary.title}.` : "";
  byId("model").textContent = `${model.name} ${model.version} finds ${model.labels.join(" and ") || "mentions"}${trained}.${linked}`;
  byId("download-fhir").hidden = !model.fhir;
  byId("credit").textContent = model.vocabulary?.license ?? "";
  linkTo(model.vocabulary);
  showSize();
}

const text = () => (note.value === file.shown ? file.text : note.value);

function setText(given) {
  note.value = given;
  note.scrollTop = 0;
  file = { text: given, shown: note.value };
  showSize();
}

function size(given) {
  let points = 0;
  for (const _ of given) points++;
  return points;
}

function showSize() {
  const limit = model ? ` of at most ${whole(model.limits.characters)}` : "";
  byId("size").textContent = `${count(size(text()), "character")}${limit}`;
}

/** Reject what the service would reject: it may close the connection on a long text before it can say why. */
function check(given) {
  if (!given.trim()) throw new PageError("There is no text yet: paste one, drop a file, or choose an example.", note);
  const limit = model?.limits.characters;
  if (limit && size(given) > limit) {
    throw new PageError(`The text has ${count(size(given), "character")}; the service accepts at most ${whole(limit)}.`, note);
  }
}

async function submit() {
  if (asking) return;
  const given = text();
  tell({});
  try {
    check(given);
    setBusy(new AbortController());
    const answer = await post("v1/annotate", { text: given }, { signal: asking.signal });
    annotated = given;
    tell({ status: showResults(given, answer) });
    showIfOutOfView(results);
    if (!model) describeModel();
  } catch (error) {
    results.hidden = true;
    if (error.name === "AbortError") tell({ status: "Cancelled." });
    else tell({ problem: error instanceof PageError ? error.message : "The service's response could not be read." });
    error.field?.focus();
  } finally {
    setBusy(null);
  }
}

async function saveFhir() {
  const [said, starts] = [byId("exported"), shownStarts()];
  said.textContent = "Preparing FHIR resources…";
  try {
    said.textContent = downloadFhir(await post("v1/fhir", { text: annotated }), starts);
  } catch (error) {
    said.textContent = "";
    tell({ problem: error instanceof PageError ? error.message : "The service's response could not be read." });
    byId("problem").scrollIntoView({ block: "nearest" });
  }
}

function setBusy(controller) {
  asking = controller;
  const focused = document.activeElement === cancel;
  annotate.setAttribute("aria-disabled", String(Boolean(controller)));
  cancel.hidden = !controller;
  results.classList.toggle("busy", Boolean(controller));
  if (controller) tell({ status: "Annotating…" });
  else if (focused) annotate.focus();
}

function tell({ status = "", problem = "" }) {
  byId("status").textContent = status;
  byId("problem").textContent = problem;
}

function showIfOutOfView(part) {
  if (part.getBoundingClientRect().top > 0.6 * window.innerHeight) part.scrollIntoView({ block: "start" });
}

async function openFile(given) {
  tell({});
  try {
    const limit = model?.limits.body_bytes;
    if (given.size > limit) throw new PageError(`${given.name} is too large: the service accepts at most ${whole(limit)} bytes.`);
    setText(new TextDecoder("utf-8", { fatal: true }).decode(await given.arrayBuffer()));
    tell({ status: `Opened ${given.name}.` });
  } catch (error) {
    const unreadable = `${given.name} cannot be read: it must be a UTF-8 text file.`;
    tell({ problem: error instanceof PageError ? error.message : unreadable });
  }
}

async function openExample(name) {
  tell({});
  try {
    const answer = await fetch(`page/samples/${name}.txt`);
    if (!answer.ok) throw new Error();
    setText(await answer.text());
  } catch {
    tell({ problem: "The example could not be loaded." });
    return;
  }
  submit();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
note.addEventListener("input", showSize);
note.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
byId("download-fhir").addEventListener("click", saveFhir);
cancel.addEventListener("click", () => asking?.abort());
for (const example of form.querySelectorAll("[data-example]")) {
  example.addEventListener("click", () => openExample(example.dataset.example));
}

byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", ({ target }) => {
  if (target.files.length) openFile(target.files[0]);
  // Without this, the same file could not be opened again.
  target.value = "";
});
// Anywhere on the page: otherwise, a file dropped beside the field would replace the page.
const hasFile = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!hasFile(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  if (!hasFile(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  openFile(event.dataTransfer.files[0]);
});

showSize();
describeModel();
