// SPDX-License-Identifier: Apache-2.0
// Fitting a model: what it will take, how far it is, what came out, and all versions.
import { get, listen, patch, post, remove, url } from "./api.js";
import { h, replace, say } from "./dom.js";
import { because, busy, steps, thumb } from "./parts.js";
import { farAbove, median } from "./robust.js";
import { estimate, settingsForm } from "./settings.js";
import { bytes, duration, has, number, t, time } from "./strings.js";
import { ofGroups, promise } from "./threshold.js";

const FEWEST = 10; // photos: with fewer there is no threshold
const FEW = 20;
const ODDEST = 12; // shown at most
const BINS = 30;

export async function show(main, id) {
  const places = { steps: h("div"), start: h("div"), job: h("div", { "aria-live": "polite" }),
    result: h("div"), versions: h("div") };
  let product, photos, models, jobs, done, table, areas;
  let running = null, form = null, ended = false;

  async function load() {
    [product, photos, models, jobs, done, table, areas] = await Promise.all([get(`/products/${id}`),
      get(`/products/${id}/photos`), get(`/products/${id}/models`), get(`/products/${id}/jobs`),
      get("/jobs"), table || get("/settings"), get(`/products/${id}/areas`)]);
    running = jobs.find((j) => j.state === "running")
      || jobs.find((j) => j.state === "queued") || null;
  }

  // ---- Before ----

  function drawStart() {
    replace(places.steps, steps(product, "fit"));
    const used = photos.filter((p) => p.state === "in").length;
    const before = h("dl", { class: "figures wide" });
    const trouble = h("div");
    const tellCost = () => replace(before, costOf(used));
    const open = places.start.querySelector("details")?.open;
    form = settingsForm(table, form ? form.values() : product.settings || {}, tellCost);
    const button = h("button", { disabled: used === 0 || running !== null,
      onclick: () => busy(button, trouble, () => start(form.values())) },
    t(product.current_model === null ? "fit_now" : "fit_again"));
    replace(places.start, h("section", { class: "panel", "aria-label": t("fit") },
      used === 0
        ? h("p", {}, t("fit_no_photos"), " ", h("a", { href: `#/p/${id}/photos` }, t("photos_add")))
        : h("p", {}, t("fit_help", used)),
      used > 0 && used < FEW && h("p", { class: "warning" },
        used < FEWEST ? t("fit_fewest", FEWEST) : t("fit_few", FEW)),
      areas.areas.length > 0
        && h("p", {}, h("a", { href: `#/p/${id}/areas` }, t("fit_areas", areas.areas.length))),
      h("div", { class: "go" }, before, button), trouble,
      h("details", { open: open || Object.keys(form.values()).length > 0 },
        h("summary", {}, t("fit_more")), h("p", { class: "dim" }, t("fit_more_help")), form.element,
        h("button", { class: "plain", type: "button", onclick: () => form.reset() },
          t("fit_reset")))));
    tellCost();
  }

  function costOf(used) {
    const guess = estimate(done, id, used, form.values());
    const figure = (name, value, note) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value),
      note && h("dd", { class: "note dim" }, note));
    if (!guess) return [figure("fit_time", "–", t("fit_unknown"))];
    const [least, most] = guess.seconds.map(duration);
    const takes = least === most ? t("fit_about", least) : t("fit_between", least, most);
    return [figure("fit_time", takes, t(`fit_from_${guess.from}`, guess.n)),
    guess.memory !== null && figure("fit_memory", t("fit_about", bytes(guess.memory)))];
  }

  async function start(settings) {
    running = await post(`/products/${id}/fits`, { settings });
    drawStart();
    drawJob(running);
    running_panel.focus({ preventScroll: true }); // the button that was pressed is another one now
    places.job.scrollIntoView({ block: "nearest" });
  }

  // ---- While it runs ----

  let step = null; // {stage, at, done}: where this page saw the stage begin
  const bar = h("progress", { "aria-labelledby": "stage" });
  const stageText = h("strong", { id: "stage" }), leftText = h("span", { class: "dim" });
  const cancel = h("button", { class: "plain",
    onclick: () => busy(cancel, trouble, () => remove(`/jobs/${running.id}`)) });
  const trouble = h("div");
  const running_panel = h("section", { class: "panel", tabindex: -1 },
    h("p", { class: "stage" }, stageText), bar, h("p", {}, leftText), cancel, trouble);

  function drawJob(job) {
    if (!job || !["running", "queued"].includes(job.state)) return;
    const p = job.progress || { stage: "", done: 0, total: 0, seconds: 0 };
    const name = `stage_${p.stage}`;
    cancel.textContent = t("cancel");
    cancel.disabled = false;
    running_panel.setAttribute("aria-label", t("fit_running"));
    setText(stageText, job.state === "queued" ? t("fit_queued") : has(name) ? t(name) : p.stage);
    if (p.total > 0) {
      bar.max = p.total;
      bar.value = p.done;
    } else {
      bar.removeAttribute("value");
    }
    setText(leftText, job.state === "queued" ? "" : left(job, p));
    if (!running_panel.isConnected) replace(places.job, running_panel);
  }

  // A text that did not change is not written again: a screen reader would read it again.
  function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

  function left(job, p) {
    const parts = [t("fit_elapsed", duration(p.seconds))];
    if (!step || step.stage !== p.stage || p.done < step.done)
      step = { stage: p.stage, at: p.seconds, done: p.done };
    const rate = (p.done - step.done) / (p.seconds - step.at);
    if (rate > 0 && p.seconds - step.at > 1 && p.total > p.done)
      parts.push(t("fit_step_left", duration((p.total - p.done) / rate)));
    const guess = estimate(done, id, photos.filter((x) => x.state === "in").length,
      job.settings || {});
    if (guess && guess.from !== "other" && guess.seconds[1] > p.seconds)
      parts.push(t("fit_all_left", duration(guess.seconds[1] - p.seconds)));
    return parts.join(" · ");
  }

  async function onJob(event) {
    if (event.product !== id) return;
    if (event.state === "running" && event.stage !== undefined) {
      const { stage, done: some, total, seconds } = event;
      running = { ...(running || event), state: "running",
        progress: { stage, done: some, total, seconds } };
      drawJob(running);
      return;
    }
    await load();
    if (ended) return;
    if (places.job.contains(document.activeElement)) main.parentElement.focus(); // it goes
    step = null;
    drawStart();
    await drawResult();
    drawVersions();
    const job = jobs.find((j) => j.id === event.id) || event;
    if (job.state === "done") say(t("fit_done", product.version));
    drawEnd(job);
    drawJob(running);
  }

  // How a fit ended, where it made no model.
  function drawEnd(job) {
    replace(places.job, job?.state === "failed" ? because("fit_failed", job.error)
      : ["cancelled", "interrupted"].includes(job?.state)
        && h("p", { class: "warning" }, t(`fit_${job.state}`)));
  }

  // ---- What came out ----

  async function drawResult() {
    if (product.current_model === null) { replace(places.result); return; }
    const model = await get(`/models/${product.current_model}`);
    if (ended) return;
    const { info } = model;
    const job = await fitOf(model);
    const scores = model.held_out.map((x) => x.alone);
    const above = scores.filter((s) => s > model.threshold).length;
    const rate = promise(scores, model.threshold);
    const figure = (name, value) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value));
    replace(places.result, h("section", { class: "panel", "aria-labelledby": "result" },
      h("h2", { id: "result" }, t("result", model.version)),
      h("dl", { class: "figures" },
        figure("result_threshold", number(model.threshold)),
        scores.length > 0 && model.threshold !== null
          && [figure("result_above", t("result_of", above, scores.length)),
            figure("result_rate", rate === null ? "–" : `${number(rate)} %`)],
        figure("result_photos", number(info.images, 6)),
        job && job.seconds > 0 && figure("result_took", duration(job.seconds)),
        figure("result_method", `${info.method}, ${info.backbone}`)),
      model.threshold === null && h("p", { class: "warning" }, t("th_none")),
      ofGroups(model.held_out, model.threshold, info),
      (job?.warnings || []).length > 0 && h("section", { "aria-label": t("fit_warnings") },
        h("h3", {}, t("fit_warnings")), h("p", { class: "dim" }, t("fit_warnings_help")),
        job.warnings.map((w) => h("p", { class: "warning", lang: "en" }, w))),
      h("h3", {}, t("held_out")),
      scores.length === 0 ? h("p", { class: "dim" }, t("held_out_none"))
        : [h("p", { class: "dim" }, t("held_out_help")),
          histogram(scores, model.threshold, places.result.clientWidth), oddest(model.held_out)]));
  }

  // The fit that a version came from: its own, or that of the version whose threshold was changed.
  async function fitOf(model) {
    let m = model;
    while (m && !m.job && m.parent) m = models.find((x) => x.id === m.parent);
    return m?.job ? get(`/jobs/${m.job}`) : null;
  }

  function oddest(held) {
    const scores = held.map((x) => x.alone);
    const far = farAbove(scores).slice(0, ODDEST);
    const top = far.length > 0 ? far
      : scores.map((s, i) => [s, i]).sort((a, b) => b[0] - a[0]).slice(0, 3).map(([, i]) => i);
    const byFile = new Map(photos.map((p) => [p.file, p]));
    const section = h("section", { "aria-label": t("odd") });
    const shown = top.map((i) => ({ held: held[i], photo: byFile.get(held[i].name) }));
    const draw = () => {
      const out = shown.filter((x) => x.photo?.state === "out").length;
      replace(section, h("h3", {}, t("odd")),
        h("p", { class: "dim" }, t(far.length > 0 ? "odd_help" : "odd_none")),
        h("ul", { class: "photos" },
          shown.map((x) => h("li", { class: `shot ${x.photo?.state || ""}` },
            x.photo ? h("a", { href: url(`/photos/${x.photo.id}/file`), target: "_blank" },
              h("img", { src: thumb(x.photo.id), alt: x.photo.name }))
              : h("span", { class: "no-picture" }, "–"),
            h("span", { class: "name" }, x.held.name || "–"),
            h("span", { class: "why" }, t("odd_score", number(x.held.alone))),
            x.photo && h("button", { class: "plain", "data-key": `odd-${x.photo.id}`,
              "aria-label": t(x.photo.state === "in" ? "photo_leave_out_of" : "photo_take_in_of",
                x.photo.name),
              onclick: () => toggle(x.photo, draw, section) },
            t(x.photo.state === "in" ? "photo_leave_out" : "photo_take_in"))))),
        out > 0 && h("div", { class: "row" }, h("span", {}, t("odd_changed", out)),
          h("button", { disabled: running !== null,
            onclick: (e) => busy(e.target, section, () => start(form.values())) },
            t("fit_again"))));
    };
    draw();
    return section;
  }

  async function toggle(photo, draw, section) {
    try {
      Object.assign(photo,
        await patch(`/photos/${photo.id}`, { state: photo.state === "in" ? "out" : "in" }));
    } catch (error) { say(error.message); return; }
    draw();
    section.querySelector(`[data-key="odd-${photo.id}"]`)?.focus();
    drawStart();
  }

  // ---- Versions ----

  function drawVersions() {
    const trouble = h("div");
    const input = h("input", { type: "file", class: "hidden", tabindex: -1, accept: ".fleck",
      "aria-label": t("version_upload"), onchange: () => upload(input, button, trouble) });
    const button = h("button", { class: "plain", onclick: () => input.click() },
      t("version_upload"));
    const cell = (name, ...content) => h("td", { "data-name": t(name) }, h("span", {}, ...content));
    replace(places.versions, h("section", { "aria-labelledby": "versions" },
      h("div", { class: "head" }, h("h2", { id: "versions" }, t("versions")),
        h("span", {}, input, button)),
      h("p", { class: "dim" }, t("versions_help")), trouble,
      models.length === 0 ? h("p", { class: "empty" }, t("versions_none"))
        : h("table", { class: "stack versions" },
          h("thead", {}, h("tr", {},
            ["version", "version_when", "version_who", "version_why", "result_threshold",
              "version_actions"].map((key) => h("th", { scope: "col" }, t(key))))),
          h("tbody", {}, models.map((m) => h("tr", {},
            cell("version", h("strong", {}, m.version), " ",
              m.current && h("span", { class: "tag good" }, t("version_used"))),
            cell("version_when", time(m.created)), cell("version_who", m.who || "–"),
            cell("version_why", has(`reason_${m.reason}`) ? t(`reason_${m.reason}`) : m.reason),
            cell("result_threshold", number(m.threshold)),
            h("td", {}, h("span", { class: "row tight" },
              !m.current && h("button", { class: "plain", "aria-label": t("version_use", m.version),
                onclick: (e) => busy(e.target, trouble, () => activate(m)) },
                t("version_use", m.version)),
              h("a", { href: url(`/models/${m.id}/file`), download: "",
                "aria-label": t("version_download_of", m.version) },
                t("version_download"))))))))));
  }

  async function activate(model) {
    await post(`/models/${model.id}/activate`, {});
    say(t("version_now", model.version));
    await redraw();
  }

  function upload(input, button, trouble) {
    const [file] = input.files;
    if (!file) return;
    busy(button, trouble, async () => {
      await post(`/products/${id}/models`, file);
      await redraw();
    });
    input.value = "";
  }

  async function redraw() {
    await load();
    if (ended) return;
    drawStart();
    await drawResult();
    drawVersions();
  }

  await load();
  main.append(h("h1", {}, t("fit")), places.steps, places.start, places.job, places.result,
    places.versions);
  drawStart();
  drawVersions();
  if (jobs[0]?.state !== "cancelled") drawEnd(jobs[0]);
  drawJob(running);
  await drawResult();
  const stop = listen((kind, data) => {
    if (kind === "job") onJob(data).catch((error) => say(error.message));
    if (kind === "missed" || (kind === "hello" && running))
      redraw().then(() => drawJob(running)).catch(() => {});
  });
  return () => { ended = true; stop(); };
}

// Scores as bars, and the threshold as a line.
function histogram(scores, threshold, room) {
  const low = Math.min(...scores), most = Math.max(...scores, threshold ?? -Infinity);
  const high = most + (most - low) * 0.04;
  const width = Math.min(room - 40, 736), height = 190, left = 30, floor = 160, right = width - 14;
  const span = high > low ? high - low : 1;
  const counts = new Array(BINS).fill(0);
  for (const s of scores) counts[Math.min(Math.floor(((s - low) / span) * BINS), BINS - 1)]++;
  const top = Math.max(...counts);
  const step = (right - left) / BINS;
  const x = (value) => left + ((value - low) / span) * (right - left);
  const middle = median(scores);
  return h("svg", { class: "bars", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": t("held_out_label", scores.length, number(low), number(middle),
      number(Math.max(...scores)), number(threshold)) },
  h("line", { x1: left, x2: right, y1: floor, y2: floor }),
  counts.map((n, i) => n > 0 && h("rect", { x: left + i * step + 1, width: step - 2,
    y: floor - (n / top) * 130, height: (n / top) * 130 })),
  h("text", { x: left - 6, y: 40, "text-anchor": "end" }, top),
  h("text", { x: left - 6, y: floor, "text-anchor": "end" }, 0),
  h("text", { x: left, y: floor + 20 }, number(low)),
  threshold !== null
    && [h("line", { class: "limit", x1: x(threshold), x2: x(threshold), y1: 22, y2: floor }),
      h("text", { x: x(threshold), y: 15,
        "text-anchor": x(threshold) > width / 2 ? "end" : "start" },
        `${t("threshold")} ${number(threshold)}`)],
  h("text", { x: right, y: floor + 20, "text-anchor": "end" }, number(most)));
}
