// Takes a text, asks the service for its entities, and says what happens meanwhile. Nothing is stored.

import { byId, count, whole } from "./dom.js";
import { showResults } from "./results.js";
import { colour } from "./text.js";

const form = byId("ask");
const note = byId("note");
const token = byId("token");
const annotate = byId("annotate");
const cancel = byId("cancel");
const results = byId("results");
// What /v1/model says, once it is known.
let model = null;
// The text of a file as it is, and as the field shows it: with other line ends.
let file = { text: "", shown: "" };
let asking = null;

// Something that went wrong, in words for the user, and the field where they can put it right.
class Problem extends Error {
  constructor(message, field = null) {
    super(message);
    this.field = field;
  }
}

/** Send a request, and give the answer's JSON. */
async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token.value) headers.authorization = `Bearer ${token.value}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service cannot be reached. Is it running?");
  }
  if (answer.status === 401) throw askForToken();
  if (!answer.ok) throw new Problem(await explain(answer));
  return answer.json();
}

function askForToken() {
  byId("token-field").hidden = false;
  return new Problem(token.value ? "The service does not accept this token." : "The service needs a token.", token);
}

async function explain(answer) {
  let reason = "it gave no reason";
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") reason = detail;
  } catch {
    // Not the service's own answer but a proxy's.
  }
  return `The service answered ${answer.status}: ${reason}.${whenAgain(answer.headers.get("retry-after"))}`;
}

/** Say when to try again. The header has seconds or a date. */
function whenAgain(retryAfter) {
  if (!retryAfter) return "";
  const seconds = Number.isFinite(Number(retryAfter)) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? ` Try again in ${count(Math.max(1, Math.ceil(seconds)), "second")}.` : "";
}

/** Say which pipeline answers. */
async function describeModel() {
  try {
    model = await ask("v1/model");
  } catch {
    // The first question will tell.
    return;
  }
  model.labels.forEach(colour);
  const trained = model.corpus ? `, trained on ${model.corpus}` : "";
  byId("model").textContent = `${model.name} ${model.version} finds ${model.labels.join(" and ")}${trained}.`;
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

/** Refuse what the service would refuse: it may hang up on a long text before it has said why. */
function check(given) {
  if (!given.trim()) throw new Problem("There is no text yet: paste one, drop a file, or pick an example.", note);
  const limit = model?.limits.characters;
  if (limit && size(given) > limit) {
    throw new Problem(`The text has ${count(size(given), "character")}; the service takes ${whole(limit)} at most.`, note);
  }
}

async function submit() {
  if (asking) return;
  const given = text();
  tell({});
  try {
    check(given);
    setBusy(new AbortController());
    const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ text: given }) };
    const answer = await ask("v1/annotate", { ...options, signal: asking.signal });
    tell({ status: showResults(given, answer) });
    showIfOutOfView(results);
    if (!model) describeModel();
  } catch (error) {
    results.hidden = true;
    if (error.name === "AbortError") tell({ status: "Cancelled." });
    else tell({ problem: error instanceof Problem ? error.message : "The service's answer cannot be read." });
    error.field?.focus();
  } finally {
    setBusy(null);
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
    if (given.size > limit) throw new Problem(`${given.name} is too large: the service takes ${whole(limit)} bytes at most.`);
    setText(new TextDecoder("utf-8", { fatal: true }).decode(await given.arrayBuffer()));
    tell({ status: `${given.name} is in the field.` });
  } catch (error) {
    const unreadable = `${given.name} cannot be read: it should be a text file in UTF-8.`;
    tell({ problem: error instanceof Problem ? error.message : unreadable });
  }
}

async function openExample(name) {
  tell({});
  try {
    const answer = await fetch(`page/samples/${name}.txt`);
    if (!answer.ok) throw new Error();
    setText(await answer.text());
  } catch {
    tell({ problem: "The example cannot be fetched." });
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
cancel.addEventListener("click", () => asking?.abort());
for (const example of form.querySelectorAll("[data-example]")) {
  example.addEventListener("click", () => openExample(example.dataset.example));
}

byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", ({ target }) => {
  if (target.files.length) openFile(target.files[0]);
  // So that the same file can be opened again.
  target.value = "";
});
// Anywhere on the page: a file dropped beside the field would else be opened in the page's place.
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
