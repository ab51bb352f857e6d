// SPDX-License-Identifier: Apache-2.0
// Inspecting: pictures in, verdicts out, one large and all in a table.
import { get, listen, post, put, url } from "./api.js";
import { h, replace, say } from "./dom.js";
import { because, problem } from "./parts.js";
import { sourcesPanel } from "./sources.js";
import { digits, number, t } from "./strings.js";
import { noModel } from "./threshold.js";
import { viewer } from "./viewer.js";

const atOnce = 3, mostRows = 2000, mostShown = 200;
const symbols = { good: "✓", defective: "✗", none: "?", error: "!", waiting: "…" };

export function verdictMark(verdict) {
  return h("span", { class: `verdict ${verdict}` },
    h("span", { "aria-hidden": "true" }, `${symbols[verdict]} `),
    t(`verdict_${verdict}`));
}

// Buttons by which an operator says what the part was; changed(row) after an answer.
export function markButtons(row, changed) {
  const set = async (mark) => {
    try {
      Object.assign(row,
        await put(`/inspections/${row.id}/mark`, { mark: row.mark === mark ? null : mark }));
      changed(row);
    } catch (error) { say(error.message); }
  };
  return h("div", { class: "marks", role: "group", "aria-label": `${t("mark")}: ${row.name}` },
    ["good", "defect"].map((mark) =>
      h("button", { class: row.mark === mark ? "" : "plain",
        "aria-pressed": String(row.mark === mark),
        "data-mark": mark, onclick: () => set(mark) }, t(`mark_${mark}`))));
}

export function regionList(row, shown) {
  const regions = row.regions || [];
  if (regions.length === 0) return h("p", { class: "dim" }, t("in_no_regions"));
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("in_regions") },
    h("table", { class: "regions" },
      h("caption", {}, t("in_regions_of", regions.length)),
      h("thead", {},
        h("tr", {}, ["in_region", "in_area", "in_peak", "in_place"].map((k, i) =>
          h("th", { scope: "col", class: i > 0 ? "n" : undefined }, t(k))))),
      h("tbody", {}, regions.slice(0, 99).map((region, i) => h("tr", {},
        h("td", {}, h("button", { class: "plain small", onclick: () => shown.zoomTo(region),
          "aria-label": t("in_zoom_to", i + 1) }, i + 1)),
        h("td", { class: "n" }, t("in_pixels", number(region.area, 6))),
        h("td", { class: "n" }, number(region.peak)),
        h("td", { class: "n" }, `${region.x}, ${region.y}`))))));
}

// The good photo of the most similar look, asked for when it is opened; stays open for later rows.
let comparing = false;
export function nearestPhoto(row) {
  const place = h("div", {});
  const load = async () => {
    comparing = element.open;
    if (!element.open || place.hasChildNodes()) return;
    try {
      const found = await get(`/inspections/${row.id}/nearest`);
      replace(place, h("figure", { class: "nearest" },
        h("img", { src: url(`/photos/${found.photo}/thumb.jpg`),
          alt: t("in_nearest_photo", found.name) }),
        h("figcaption", {}, t("in_nearest_help", found.name, found.of))));
    } catch (error) { replace(place, problem(error)); }
  };
  const element = h("details", { ontoggle: load }, h("summary", {}, t("in_nearest")), place);
  element.open = comparing;
  return element;
}

// ---- Sending ----

async function sendOne(product, file, signal) {
  for (;;) {
    const form = new FormData();
    form.append("image", file, file.name);
    try {
      return await post(`/products/${product}/inspect`, form, { signal });
    } catch (error) {
      if (error.status !== 503 || signal.aborted) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 1000); }); // the queue is full
    }
  }
}

// Send files, a few at a time; answered(file, row or null, error) for each.
async function sendAll(product, files, signal, answered) {
  let next = 0;
  const lane = async () => {
    while (next < files.length && !signal.aborted) {
      const file = files[next++];
      try { answered(file, await sendOne(product, file, signal)); } catch (error) {
        if (signal.aborted) return;
        answered(file, null, error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function filesOf(entries) {
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile)
      found.push(await new Promise((resolve, reject) => { entry.file(resolve, reject); }));
    else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => {
          reader.readEntries(resolve, reject);
        });
        if (some.length === 0) break;
        for (const each of some) await walk(each);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return found.filter((file) => !file.name.startsWith("."));
}

// ---- The screen ----

const columns = [
  { key: "name", value: (row) => row.name, text: (row) => row.name },
  { key: "verdict", value: (row) => row.shown },
  { key: "score", value: (row) => row.score ?? -Infinity,
    text: (row) => digits(row.score), n: true },
  { key: "ratio", value: (row) => row.by ?? -Infinity, text: (row) => digits(row.by, 3), n: true },
  { key: "regions", value: (row) => (row.regions || []).length,
    text: (row) => (row.verdict === "error" ? "–" : (row.regions || []).length), n: true },
  { key: "unlike", value: (row) => (row.unlike || []).join(),
    text: (row) => (row.unlike || []).map((u) => t(`unlike_${u}`)).join(", ") },
  { key: "mark", value: (row) => row.mark || "",
    text: (row) => (row.mark ? t(`mark_${row.mark}`) : "") },
];

export async function show(main, product) {
  if ((await get(`/products/${product}`)).current_model === null) {
    main.append(h("h1", {}, t("inspect")), noModel(product));
    return undefined;
  }
  const [first, system] = await Promise.all([get(`/products/${product}/threshold`),
    get("/system")]);
  let info = first.info, comparable = new Set(first.same_scores);
  const rows = [];
  const shown = viewer();
  let selected = null, threshold = info.threshold, sorted = { key: null, down: false };
  let abort = new AbortController(), turn = 0, frame = 0, live = false;

  const big = h("div", { class: "big waiting", id: "verdict", role: "status",
    "aria-live": "polite" }, t("in_start"));
  const detail = h("div", { class: "detail" });
  const input = h("input", { type: "file", id: "files", multiple: true,
    accept: "image/*,.tif,.tiff,.pgm,.ppm,.pnm" });
  const progress = h("progress", { max: 1, value: 0, "aria-label": t("in_progress") });
  const progressText = h("span", {});
  const stop = h("button", { class: "plain small", onclick: () => cancel() }, t("in_stop"));
  const running = h("div", { class: "row", hidden: true }, progress, progressText, stop);
  const drop = h("div", { class: "drop" }, h("label", { for: "files" }, t("in_drop")),
    input, running);
  const liveBox = h("input", { type: "checkbox", onchange: () => setLive(liveBox.checked) });
  const slider = h("input", { type: "range", id: "try", min: 0, step: "any" });
  const tried = h("output", { for: "try" });
  const reset = h("button", { class: "plain small", onclick: () => tryThreshold(info.threshold) },
    t("in_reset"));
  const only = h("select", { onchange: () => draw(), id: "only" },
    ["all", "good", "defective", "none", "error"].map((v) =>
      h("option", { value: v }, t(v === "all" ? "in_all" : `verdict_${v}`))));
  const search = h("input", { type: "search", oninput: () => draw(), "aria-label": t("in_search"),
    placeholder: t("in_search") });
  const counts = h("p", { class: "counts", id: "counts", "aria-live": "off" });
  const body = h("tbody", {});
  const heads = columns.map((column) =>
    h("th", { scope: "col", "aria-sort": "none", class: column.n ? "n" : undefined },
      h("button", { class: "sort", onclick: () => sortBy(column.key) }, t(`in_${column.key}`))));
  const more = h("p", { class: "dim" });

  // The verdict at the threshold that is tried, where the score can be compared with it.
  function judge(row) {
    const own = comparable.has(row.model) && Number.isFinite(row.score)
      && Number.isFinite(threshold);
    row.shown = row.verdict === "error" || !own ? row.verdict
      : row.score > threshold ? "defective" : "good";
    row.by = own ? row.score / threshold : row.ratio;
  }

  function visible() {
    const text = search.value.toLowerCase();
    const list = rows.filter((row) => (only.value === "all" || row.shown === only.value)
      && (text === "" || row.name.toLowerCase().includes(text)));
    const column = columns.find((each) => each.key === sorted.key);
    if (column)
      list.sort((a, b) => {
        const x = column.value(a), y = column.value(b);
        const order = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true })
          : x - y;
        return sorted.down ? -order : order;
      });
    return list;
  }

  function drawRow(row) {
    return h("tr", { class: row === selected ? "current" : "", "data-id": row.id,
      onclick: () => select(row) }, columns.map((column, i) => h(i === 0 ? "th" : "td", {
      class: column.n ? "n" : undefined, scope: i === 0 ? "row" : undefined },
    i === 0 ? h("button", { class: "link", "aria-current": row === selected ? "true" : undefined },
      row.name)
      : column.key === "verdict" ? verdictMark(row.shown) : column.text(row))));
  }

  function draw() {
    const list = visible();
    const n = (verdict) => rows.filter((row) => row.shown === verdict).length;
    counts.textContent = t("in_counts", rows.length, n("good"), n("defective"),
      n("error") + n("none"));
    const at = Math.max(0, list.indexOf(selected));
    const from = Math.max(0, Math.min(at - mostShown / 2, list.length - mostShown));
    const focus = body.contains(document.activeElement);
    replace(body, list.slice(from, from + mostShown).map(drawRow));
    more.textContent = list.length > mostShown ? t("in_more", mostShown, list.length) : "";
    if (focus) body.querySelector("tr.current button")?.focus({ preventScroll: true });
  }

  const drawSoon = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  };

  function drawBig() {
    if (!selected) return;
    big.className = `big ${selected.shown}`;
    replace(big, h("span", { "aria-hidden": "true", class: "symbol" }, symbols[selected.shown]),
      h("span", { class: "word" }, t(`verdict_${selected.shown}`)),
      h("span", { class: "of" }, selected.name,
        selected.score !== null && selected.score !== undefined
        && ` – ${t("in_score_of", digits(selected.score), digits(threshold))}`));
  }

  function drawDetail() {
    replace(detail, selected && [
      selected.failure ? problem(selected.failure)
        : selected.error && because("in_failed", selected.error),
      (selected.unlike || []).length > 0 && h("p", { class: "warn" }, t("in_unlike_note",
        selected.unlike.map((u) => t(`unlike_${u}`)).join(", "))),
      selected.id > 0 && markButtons(selected, () => { drawDetail(); draw(); }),
      selected.verdict !== "error" && regionList(selected, shown),
      selected.picture && selected.verdict !== "error" && nearestPhoto(selected)]);
  }

  function select(row) {
    selected = row;
    drawBig();
    drawDetail();
    draw();
    shown.show(row, info.scale_low ?? 0, info.scale_high ?? 1);
  }

  function step(by) {
    const list = visible();
    const i = list.indexOf(selected);
    const next = list[Math.min(Math.max(i + by, 0), list.length - 1)];
    if (next && next !== selected) select(next);
    body.querySelector("tr.current")?.scrollIntoView({ block: "nearest" });
  }

  function sortBy(key) {
    sorted = { key, down: sorted.key === key ? !sorted.down : false };
    heads.forEach((head, i) => head.setAttribute("aria-sort",
      columns[i].key !== key ? "none" : sorted.down ? "descending" : "ascending"));
    draw();
  }

  function rangeOfSlider() {
    const scores = rows.map((row) => row.score).filter(Number.isFinite);
    slider.max = Math.max((info.threshold ?? 1) * 2, ...scores.slice(0, 5000)) * 1.02;
    slider.step = slider.max / 500;
  }

  function tryThreshold(value) {
    threshold = value;
    slider.value = value ?? 0;
    tried.textContent = digits(value);
    reset.disabled = value === info.threshold;
    rows.forEach(judge);
    drawBig();
    drawSoon();
  }

  function add(row) {
    const old = rows.find((each) => each.id === row.id && row.id > 0);
    if (old) return old;
    judge(row);
    rows.push(row);
    while (rows.length > mostRows) rows.shift();
    if (Number.isFinite(row.score) && row.score > Number(slider.max)) {
      rangeOfSlider();
      slider.value = threshold ?? 0;
    }
    return row;
  }

  // ---- Batches and live ----

  function cancel() {
    turn++;
    abort.abort();
    running.hidden = true;
  }

  async function send(files) {
    if (files.length === 0) return;
    cancel();
    abort = new AbortController();
    const own = turn;
    let done = 0, failed = 0, first = true;
    rows.length = 0;
    selected = null;
    const told = () => {
      progress.max = files.length;
      progress.value = done;
      progressText.textContent = t("in_done", done, files.length);
    };
    running.hidden = false;
    told();
    draw();
    await sendAll(product, files, abort.signal, (file, answer, error) => {
      if (own !== turn) return; // a late answer of an earlier batch
      done++;
      failed += error ? 1 : 0;
      const row = add(answer || { id: -done, name: file.name, verdict: "error",
        error: error.detail || error.message, failure: [415, 422].includes(error.status) ? null
          : error, model: 0, score: null, regions: [], unlike: [] });
      told();
      if (first) select(row);
      else drawSoon();
      first = false;
    });
    if (own !== turn) return;
    running.hidden = true;
    say(failed > 0 ? t("in_finished_failed", files.length, failed)
      : t("in_finished", files.length));
  }

  function setLive(on) {
    live = on;
    if (!on) return;
    get(`/inspections?product=${product}&limit=50`).then(({ items }) => {
      if (!live) return;
      items.forEach(add);
      // An inspection may have been told of while the list was on its way.
      rows.sort((a, b) => Math.max(a.id, 0) - Math.max(b.id, 0));
      if (rows.length > 0) select(rows[rows.length - 1]);
    }).catch((error) => say(error.message));
  }

  const stopListening = listen((kind, event) => {
    if (kind === "inspection" && live && event.product === product) {
      const before = rows.length, row = add(event);
      if (rows.length !== before || row === event) select(row);
    } else if (kind === "missed" && live) setLive(true);
    else if (kind === "model" && event.product === product)
      get(`/products/${product}/threshold`).then((data) => {
        const kept = threshold !== info.threshold;
        info = data.info;
        comparable = new Set(data.same_scores);
        tryThreshold(kept ? threshold : info.threshold);
      }).catch((error) => say(error.message));
  });

  const onKey = (event) => {
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.shiftKey || event.ctrlKey
      || event.altKey) return;
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by === undefined || rows.length === 0) return;
    event.preventDefault();
    step(by);
  };
  document.addEventListener("keydown", onKey);
  input.onchange = () => { send([...input.files]); input.value = ""; };
  slider.oninput = () => tryThreshold(Number(slider.value));
  const sources = sourcesPanel(product, system, () => { liveBox.checked = true; setLive(true); });
  const root = h("div", {});
  for (const kind of ["dragenter", "dragover"])
    root.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  const leave = () => drop.classList.remove("over");
  root.addEventListener("dragleave", leave);
  root.addEventListener("drop", async (event) => {
    event.preventDefault();
    leave();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.())
      .filter(Boolean);
    send(entries.length > 0 ? await filesOf(entries) : [...event.dataTransfer.files]);
  });

  main.append(root);
  root.append(h("h1", {}, t("inspect")),
    h("div", { class: "top" },
      h("div", {}, drop, h("label", { class: "check" }, liveBox, " ", t("in_live"))), big),
    sources.element,
    h("div", { class: "columns batch" },
      h("section", { "aria-label": t("in_result") }, shown.element, detail),
      h("section", { "aria-label": t("in_batch") }, counts,
        h("div", { class: "form" },
          h("label", { for: "try" }, t("in_try")),
          h("span", { class: "row" }, slider, tried, reset),
          h("label", { for: "only" }, t("in_filter")), h("span", { class: "row" }, only, search)),
        h("p", { class: "dim" }, t("in_try_help"), " ",
          h("a", { href: `#/p/${product}/threshold` }, t("threshold"))),
        h("div", { class: "scroll table", tabindex: 0, role: "group", "aria-label": t("in_batch") },
          h("table", {}, h("thead", {}, h("tr", {}, heads)), body)),
        more, h("p", { class: "dim" }, t("in_arrows")))));
  rangeOfSlider();
  tryThreshold(info.threshold);
  slider.disabled = !Number.isFinite(info.threshold);
  draw();
  return () => {
    cancel();
    stopListening();
    sources.end();
    shown.end();
    document.removeEventListener("keydown", onKey);
  };
}
