// The page /dlnms/app: choose a study and a tumour, start a job, follow it, show the report.
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";

const by = (id) => document.getElementById(id);
const root = ".."; // of Orthanc, also behind a proxy with a prefix

async function call(path, options) {
  const answer = await fetch(`${root}${path}`, options);
  const text = await answer.text();
  let body = null;
  try { body = JSON.parse(text); } catch (_) { /* an answer of Orthanc that is not JSON */ }
  if (!answer.ok) throw Object.assign(new Error(body?.Error ?? body?.Message ?? `Orthanc answers ${answer.status}`), { status: answer.status });
  return body;
}

const post = (path, body) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function fail(error) { by("error").textContent = error ? error.message : ""; }

// ---------------------------------------------------------------- the scorer

let info = {};

async function waitForScorer() {
  for (;;) {
    info = await call("/dlnms/info");
    const names = { starting: "The scorer is being prepared", failed: "Nothing can be scored" };
    by("engine").textContent = info.State === "ready"
      ? `Ready: model ${info.Scorer.model?.id ?? ""}, dlnms ${info.Version}.`
      : `${names[info.State]}: ${info.Message}`;
    by("start").disabled = info.State !== "ready";
    if (info.State !== "starting") return;
    await pause(500);
  }
}

// ---------------------------------------------------------------- study and tumour

let rois = [];

async function listStudies() {
  const found = await post("/tools/find", { Level: "Study", Query: { ModalitiesInStudy: "PT" }, Expand: true, Limit: 200 });
  const wanted = new URLSearchParams(location.search).get("study");
  const list = by("study");
  list.replaceChildren(new Option("Choose a study", ""));
  for (const study of found) {
    const tags = { ...study.PatientMainDicomTags, ...study.MainDicomTags };
    const words = [tags.PatientName, tags.PatientID, tags.StudyDate, tags.StudyDescription].filter(Boolean);
    list.add(new Option(words.join(", ") || study.ID, study.ID, false, study.ID === wanted));
  }
  if (list.value) await listRois();
}

function radio(index, roi, several) {
  const line = document.createElement("p");
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "radio", name: "tumour", value: String(index) });
  input.disabled = Boolean(roi.Refusal);
  input.checked = !several && !roi.Refusal;
  label.append(input, ` ${roi.Name || "without a name"}`, roi.Refusal ? ` (cannot be used: ${roi.Refusal})` : "");
  line.append(label);
  return line;
}

async function listRois() {
  const study = by("study").value;
  rois = [];
  by("rois").replaceChildren();
  if (!study) return;
  by("tumour-note").textContent = "The study is being read.";
  let answer;
  try {
    answer = await call(`/dlnms/studies/${study}`);
  } catch (error) {
    by("tumour-note").textContent = "The study cannot be read.";
    throw error;
  }
  if (by("study").value !== study) return; // another one was chosen meanwhile
  rois = answer.Rois;
  by("tumour-note").textContent = rois.length
    ? "Choose the region of interest of the tumour, or give a point in it."
    : "The study has no region of interest. Give a point in the tumour.";
  by("rois").replaceChildren(...rois.map((roi, index) => radio(index, roi, rois.length > 1)));
  if (!rois.length) document.querySelector("input[value=point]").checked = true;
}

function tumour() {
  const chosen = document.querySelector("input[name=tumour]:checked");
  if (!chosen) throw new Error("Choose a region of interest, or a point.");
  if (chosen.value !== "point") return rois[Number(chosen.value)].Tumour;
  const point = ["x", "y", "z"].map((id) => by(id).valueAsNumber);
  if (point.some(Number.isNaN)) throw new Error("Give the three coordinates of the point.");
  return { Center: point };
}

// ---------------------------------------------------------------- the job

function show(job) {
  by("run").hidden = false;
  by("progress").value = job.Progress;
  const phase = job.State === "Failure" ? "Failed" : `Step: ${job.Content.Phase}`;
  if (by("phase").textContent !== phase) by("phase").textContent = phase; // spoken once
}

async function follow(id) {
  by("cancel").hidden = false;
  by("cancel").onclick = () => post(`/jobs/${id}/cancel`, {}).catch(fail);
  by("start").disabled = true;
  try {
    for (;;) {
      const job = await call(`/jobs/${id}`);
      show(job);
      if (job.State === "Success") return await showResult(id, job.Content);
      if (job.State === "Failure") throw new Error(job.Content.Error ?? job.ErrorDescription);
      await pause(500);
    }
  } finally {
    by("cancel").hidden = true;
    by("start").disabled = info.State !== "ready";
  }
}

function link(text, address) {
  const item = document.createElement("li");
  item.append(Object.assign(document.createElement("a"), { href: address, textContent: text }));
  return item;
}

async function showResult(id, content) {
  by("not-trained").hidden = !content.NotTrained;
  by("n1").textContent = content.N1.toFixed(3);
  by("n2").textContent = content.N2.toFixed(3);
  by("risk").textContent = content.RiskGroup;
  const links = [link("Report", `jobs/${id}/report.html`), link("Result as JSON", `jobs/${id}/result.json`)];
  for (const stored of content.Stored ?? [])
    links.push(link(`${stored.Kind} in Orthanc Explorer`, `${root}/app/explorer.html#instance?uuid=${stored.Instance}`));
  if (info.Ohif) {
    const study = await call(`/studies/${content.Study}`);
    const uid = encodeURIComponent(study.MainDicomTags.StudyInstanceUID);
    links.push(link("Study in OHIF", `${info.Ohif}/viewer?StudyInstanceUIDs=${uid}`));
  }
  by("links").replaceChildren(...links);
  by("report").hidden = false;
  by("report").src = `jobs/${id}/report.html`;
  by("result").hidden = false;
  by("result-title").focus();
}

async function start(event) {
  event.preventDefault();
  fail(null);
  by("result").hidden = true;
  try {
    const job = await post(`/dlnms/studies/${by("study").value}/score`, tumour());
    await follow(job.ID);
  } catch (error) {
    fail(error);
  }
}

by("form").addEventListener("submit", start);
by("study").addEventListener("change", () => { fail(null); listRois().catch(fail); });
for (const id of ["x", "y", "z"])
  by(id).addEventListener("input", () => { document.querySelector("input[value=point]").checked = true; });
waitForScorer().catch(fail);
listStudies().catch(fail);
