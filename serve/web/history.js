// SPDX-License-Identifier: Apache-2.0
// Past inspections: filters, marks, what they say, learning from them, exports.
import { get, listen, post, url } from "./api.js";
import { h, replace, say } from "./dom.js";
import { markButtons, nearestPhoto, regionList, verdictMark } from "./inspect.js";
import { because } from "./parts.js";
import { digits, language, t, time } from "./strings.js";
import { viewer } from "./viewer.js";

const pageSize = 50;
const verdicts = ["good", "defective", "none", "error"];

// A photo of a defect must not be learned as good.
const learnable = (row) => row.picture && row.mark !== "defect"
  && (row.verdict === "good" || row.mark === "good");

function query(product, filter, more = {}) {
  const all = { product, ...filter, ...more };
  return Object.entries(all).filter(([, v]) => v !== "" && v !== null && v !== undefined)
    .map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join("&");
}

function confusionTable(confusion) {
  const found = confusion.defective.defect, missed = confusion.good.defect;
  const wrong = confusion.defective.good, right = confusion.good.good;
  return [h("table", { class: "confusion" }, h("caption", {}, t("hi_confusion")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("in_verdict")),
      ["mark_good", "mark_defect", "hi_unmarked"].map((k) =>
        h("th", { scope: "col", class: "n" }, t(k))))),
    h("tbody", {}, verdicts.map((v) => h("tr", {}, h("th", { scope: "row" }, verdictMark(v)),
      h("td", { class: "n" }, confusion[v].good), h("td", { class: "n" }, confusion[v].defect),
      h("td", { class: "n" }, confusion[v].none))))),
  h("p", {}, found + missed > 0 ? t("hi_found", found, found + missed) : t("hi_no_defects"), " ",
    wrong + right > 0 && t("hi_wrong", wrong, wrong + right)),
  h("p", { class: "dim" }, t("hi_no_sample"))];
}

// Bars of inspections with the defective ones in front; below the zero line what marks contradict.
function trendChart(summary) {
  const rows = [...summary.trend].reverse();
  if (rows.length === 0) return h("p", { class: "dim" }, t("hi_nothing"));
  const width = 600, zero = 120, step = width / Math.max(rows.length, 6);
  const most = Math.max(...rows.map((row) => row.inspected));
  const wrong = Math.max(5, ...rows.map((row) => row.missed + row.false_alarms));
  const marked = rows.some((row) => row.marked > 0);
  const bar = (i, y, height, kind) => height > 0
    && h("rect", { x: i * step + 1, width: Math.max(1, step - 2), y, height, class: kind });
  const label = (row) => t("hi_trend_bar", row.at.replace("T", " "), row.inspected, row.defective,
    row.missed, row.false_alarms);
  const bars = (row, i) => {
    const all = row.inspected / most * 112, bad = row.defective / most * 112;
    const missed = row.missed / wrong * 34, alarms = row.false_alarms / wrong * 34;
    return h("g", {}, h("title", { svg: true }, label(row)), bar(i, zero - all, all, "good"),
      bar(i, zero - bad, bad, "bad"),
      bar(i, zero + 4, missed, "missed"), bar(i, zero + 4 + missed, alarms, "group"));
  };
  const name = (row) => row.at.replace("T", " ");
  return h("figure", {},
    h("svg", { viewBox: `0 0 ${width} ${zero + (marked ? 44 : 6)}`, role: "img",
      "aria-label": t("hi_trend") }, rows.map(bars),
      h("line", { x1: 0, x2: width, y1: zero + 2, y2: zero + 2, class: "base" })),
    h("div", { class: "ends" }, h("span", {}, name(rows[0])),
      rows.length > 1 && h("span", {}, name(rows[rows.length - 1]))),
    h("figcaption", { class: "dim" }, t(`hi_trend_${summary.bucket}`, most), " ",
      marked && t("hi_trend_marks")));
}

function dialog() {
  const shown = viewer();
  const title = h("h2", { id: "picture_title" });
  const about = h("div", {});
  const close = h("button", { class: "plain", onclick: () => element.close() }, t("close"));
  const element = h("dialog", { "aria-labelledby": "picture_title" },
    h("div", { class: "dialog-head" }, title, close),
    shown.element, about);
  return { element, shown, title, about };
}

export async function show(main, product) {
  const { name, current_model: model } = await get(`/products/${product}`);
  const info = model === null ? null : (await get(`/products/${product}/threshold`)).info;
  const chosen = new Map();
  const box = dialog();
  let rows = [], starts = [null], next = null, turn = 0, fresh = 0, gone = false;

  const field = (id, element) => [h("label", { for: id }, t(`hi_${id}`)), element];
  const from = h("input", { type: "datetime-local", id: "from" });
  const to = h("input", { type: "datetime-local", id: "to" });
  const pickVerdict = h("select", { id: "by_verdict" }, h("option", { value: "" }, t("in_all")),
    verdicts.map((v) => h("option", { value: v }, t(`verdict_${v}`))));
  const pickMark = h("select", { id: "by_mark" }, h("option", { value: "" }, t("in_all")),
    h("option", { value: "good" }, t("mark_good")),
    h("option", { value: "defect" }, t("mark_defect")),
    h("option", { value: "none" }, t("hi_unmarked")));
  const summary = h("div", { class: "columns" });
  const body = h("tbody", {});
  const older = h("button", { class: "plain", onclick: () => { starts.push(next); load(); } },
    t("hi_older"));
  const newer = h("button", { class: "plain", onclick: () => { starts.pop(); load(); } },
    t("hi_newer"));
  const place = h("span", { class: "dim" });
  const news = h("button", { class: "plain", hidden: true,
    onclick: () => { starts = [null]; load(); } });
  const all = h("input", { type: "checkbox", "aria-label": t("hi_select_all"), onchange: () => {
    for (const row of rows) if (all.checked) chosen.set(row.id, row); else chosen.delete(row.id);
    draw();
  } });
  const learn = h("button", { id: "learn",
    onclick: () => learnThem().catch((e) => say(e.message)) });
  const learned = h("div", { role: "status" });
  const exports = h("p", { class: "exports" });

  const iso = (input) => (input.value === "" ? "" : new Date(input.value).toISOString());
  const period = () => ({ from: iso(from), to: iso(to) });
  const filter = () => ({ ...period(), verdict: pickVerdict.value, mark: pickMark.value });

  function open(row) {
    box.title.textContent = row.name;
    const about = () => {
      replace(box.about, h("p", {}, verdictMark(row.verdict), " ", row.score !== null
          && t("in_score_of", digits(row.score), digits(row.threshold)), " ", time(row.time)),
        row.error && because("in_failed", row.error),
        (row.unlike || []).length > 0 && h("p", { class: "warn" }, t("in_unlike_note",
          row.unlike.map((u) => t(`unlike_${u}`)).join(", "))),
        row.mark
          && h("p", { class: "dim" }, t("hi_marked_by", row.mark_who || "–", time(row.mark_time))),
        markButtons(row, () => { about(); draw(); loadSummary(); }),
        row.verdict !== "error" && regionList(row, box.shown),
        row.picture && row.verdict !== "error" && nearestPhoto(row));
    };
    about();
    box.element.showModal();
    box.shown.show(row, info?.scale_low ?? 0, info?.scale_high ?? 1);
  }
  box.element.addEventListener("close", () => box.shown.show(null));

  function drawLearn() {
    const good = [...chosen.values()].filter(learnable).length;
    learn.textContent = t("hi_learn", good);
    learn.disabled = good === 0;
    replace(learned,
      chosen.size > good && h("p", { class: "warn" }, t("hi_left_out", chosen.size - good)));
    all.checked = rows.length > 0 && rows.every((row) => chosen.has(row.id));
  }

  function drawRow(row) {
    const check = h("input", { type: "checkbox", "aria-label": t("hi_select", row.name),
      onchange: () => {
        if (check.checked) chosen.set(row.id, row); else chosen.delete(row.id);
        drawLearn();
      } });
    check.checked = chosen.has(row.id);
    const cell = (key, content, kind) => h("td", { "data-name": t(key), class: kind }, content);
    return h("tr", { "data-id": row.id }, cell("hi_chosen", check), cell("hi_time", time(row.time)),
      cell("in_name", h("button", { class: "link", onclick: () => open(row) }, row.name)),
      cell("in_verdict", verdictMark(row.verdict)), cell("in_score", digits(row.score), "n"),
      cell("in_ratio", digits(row.ratio, 3), "n"), cell("hi_source", row.source),
      cell("in_mark", markButtons(row, () => { draw(); loadSummary(); })));
  }

  function draw() {
    const focus = document.activeElement?.closest?.("tr[data-id]")?.dataset.id;
    const mark = document.activeElement?.dataset?.mark;
    replace(body, rows.length > 0 ? rows.map(drawRow)
      : h("tr", {}, h("td", { colspan: 8 }, t("hi_nothing"))));
    if (focus && mark)
      body.querySelector(`tr[data-id="${focus}"] [data-mark=${mark}]`)
        ?.focus({ preventScroll: true });
    older.disabled = next === null;
    newer.disabled = starts.length < 2;
    place.textContent = t("hi_page", starts.length);
    drawLearn();
  }

  async function loadSummary() {
    const own = turn;
    const data = await get(`/products/${product}/summary?${query(product, period())}`);
    if (own !== turn || gone) return;
    replace(summary, h("section", {}, confusionTable(data.confusion)),
      h("section", {}, h("h2", {}, t("hi_trend")), trendChart(data)));
  }

  async function load() {
    const own = ++turn;
    fresh = 0;
    news.hidden = true;
    const page = { limit: pageSize, before: starts[starts.length - 1] };
    const answer = await get(`/inspections?${query(product, filter(), page)}`);
    if (own !== turn || gone) return;
    rows = answer.items;
    next = answer.next;
    const q = query(product, filter());
    const report = query(product, period(), { lang: language() });
    const link = (href, text, file) =>
      h("a", { href, download: file, class: "button plain" }, text);
    replace(exports, link(url(`/inspections.csv?${q}`), "CSV", "inspections.csv"), " ",
      link(url(`/inspections.json?${q}`), "JSON", "inspections.json"), " ",
      link(url(`/products/${product}/report.html?${report}`), t("hi_report"), "report.html"));
    draw();
    await loadSummary();
  }

  async function learnThem() {
    const ids = [...chosen.values()].filter(learnable).map((row) => row.id);
    learn.disabled = true;
    let answers;
    try {
      answers = await post(`/products/${product}/learn`, { inspections: ids });
    } finally { drawLearn(); }
    const problems = answers.filter((each) => each.problem);
    chosen.clear();
    draw();
    replace(learned, h("p", {}, t("hi_learned", answers.length - problems.length), " ",
      h("a", { href: `#/p/${product}/fit` }, t("hi_fit"))),
    problems.length > 0 && h("ul", { class: "warn" },
      h("li", {}, t("hi_not_learned", problems.length)),
      problems.map((each) => h("li", { lang: "en" }, `${each.name || ""} ${each.problem}`))));
  }

  const again = () => { starts = [null]; load().catch((error) => say(error.message)); };
  for (const each of [from, to, pickVerdict, pickMark]) each.onchange = again;

  main.append(h("h1", {}, t("history"), " – ", name),
    h("form", { class: "form filters", onsubmit: (event) => event.preventDefault(),
      "aria-label": t("hi_filters") },
      field("from", from), field("to", to), field("by_verdict", pickVerdict),
      field("by_mark", pickMark)),
    summary,
    h("div", { class: "row" }, h("h2", {}, t("hi_list")), news),
    h("div", { class: "row" }, learn, h("span", {}, t("hi_export")), exports), learned,
    h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("hi_list") },
      h("table", { class: "stack" }, h("thead", {}, h("tr", {}, h("td", {}, all),
        ["hi_time", "in_name", "in_verdict", "in_score", "in_ratio", "hi_source", "in_mark"]
          .map((k) => h("th", { scope: "col",
            class: k === "in_score" || k === "in_ratio" ? "n" : undefined }, t(k))))),
      body)),
    h("p", { class: "row" }, newer, place, older), box.element);
  await load();
  const stop = listen((kind, event) => {
    if (kind !== "inspection" || event.product !== product) return;
    fresh++;
    news.hidden = false;
    news.textContent = t("hi_news", fresh);
  });
  return () => {
    gone = true;
    turn++;
    stop();
    box.shown.end();
    if (box.element.open) box.element.close();
  };
}
