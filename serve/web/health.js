// SPDX-License-Identifier: Apache-2.0
// How the service and the images are doing.
import { get } from "./api.js";
import { h, replace } from "./dom.js";
import { number, t, time } from "./strings.js";

const everyMs = 3000, driftEvery = 10; // drift with every tenth look: it reads many rows

const bytes = (n) => (n < 0 ? "–" : n >= 2 ** 30 ? `${number(n / 2 ** 30)} GiB`
  : `${number(n / 2 ** 20)} MiB`);
const percent = (x) => (x === null || !Number.isFinite(x) ? "–" : `${number(100 * x)} %`);

function figures(system) {
  const queue = system.inspector;
  const pair = (key, value, warn) => h("div", { class: warn ? "figure warn" : "figure" },
    h("dt", {}, t(key)), h("dd", {}, value));
  return h("dl", { class: "figures" },
    pair("he_waiting", t("he_of", queue.waiting, queue.queue), queue.waiting > queue.queue / 2),
    pair("he_busy", t("he_of", queue.busy, queue.workers)),
    pair("he_inspected", system.counts.good + system.counts.defective + system.counts.none),
    pair("he_failed", system.counts.failed, system.counts.failed > 0),
    pair("he_refused", system.counts.refused, system.counts.refused > 0),
    pair("he_dropped", system.counts.dropped, system.counts.dropped > 0),
    pair("he_disk", bytes(system.disk_free), system.disk_free >= 0 && system.disk_free < 2 ** 30),
    pair("he_memory", bytes(system.memory)),
    pair("he_started", time(system.started)), pair("he_version", system.version));
}

function latencies(latency) {
  const stages = Object.entries(latency);
  if (stages.length === 0) return h("p", { class: "dim" }, t("he_no_times"));
  return h("table", {}, h("caption", {}, t("he_latency_caption")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("he_stage")),
      ["50 %", "95 %", "99 %"].map((x) => h("th", { scope: "col", class: "n" }, x)))),
    h("tbody", {},
      stages.map(([name, x]) => h("tr", {}, h("th", { scope: "row" }, t(`stage_${name}`)),
        [x.p50, x.p95, x.p99].map((v) => h("td", { class: "n" }, number(v)))))));
}

function models(system, products) {
  const list = system.inspector.models;
  if (list.length === 0) return h("p", { class: "dim" }, t("he_no_models"));
  const name = (id) => products.find((each) => each.id === id)?.name ?? id;
  return h("table", {},
    h("thead", {}, h("tr", {}, ["he_product", "he_model", "he_size", "he_users"].map((k, i) =>
      h("th", { scope: "col", class: i > 1 ? "n" : undefined }, t(k))))),
    h("tbody", {},
      list.map((m) => h("tr", {}, h("th", { scope: "row" }, name(m.product)), h("td", {}, m.id),
        h("td", { class: "n" }, bytes(m.bytes)), h("td", { class: "n" }, m.users)))));
}

function sourcesTable(sources) {
  return h("table", {}, h("thead", {},
    h("tr", {}, ["he_source", "he_state", "he_inspected", "he_failed", "he_dropped"].map((k, i) =>
      h("th", { scope: "col", class: i > 1 ? "n" : undefined }, t(k))))),
  h("tbody", {}, sources.map((s) => h("tr", {},
    h("th", { scope: "row" }, `${s.kind} ${s.config?.folder ?? s.config?.device ?? ""}`),
    h("td", { class: s.problem ? "warn" : undefined },
      t(`so_${s.state.replace(" ", "_")}`),
      s.problem && [": ", h("span", { lang: "en" }, s.problem)]),
    [s.judged, s.failed, s.dropped].map((n) => h("td", { class: "n" }, n ?? "–"))))));
}

// Scores in the order of inspections, with the held-out median and 95 % quantile.
function course(drift) {
  const list = drift.course, width = 600, height = 140;
  const lines = [[drift.learned.median, "median"], [drift.learned.q95, "q95"],
    [drift.threshold, "limit"]].filter(([v]) => v !== null);
  const low = Math.min(...list, ...lines.map(([v]) => v)),
    high = Math.max(...list, ...lines.map(([v]) => v));
  const log = low > 0 && high / low > 12, f = log ? Math.log : (v) => v;
  const y = (v) => 6 + (height - 12) * (1 - (f(v) - f(low)) / (f(high) - f(low) || 1));
  const x = (i) => 4 + i / Math.max(1, list.length - 1) * (width - 8);
  return h("figure", { class: "course" }, h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": t("he_course") },
  lines.map(([v, kind]) => h("line", { x1: 0, x2: width, y1: y(v), y2: y(v), class: kind })),
  list.map((v, i) => h("circle", { cx: x(i), cy: y(v), r: 2.2,
    class: drift.threshold !== null && v > drift.threshold ? "bad" : "good" }))),
  h("figcaption", { class: "dim" },
    t("he_course_lines", number(drift.learned.median), number(drift.learned.q95),
      number(drift.threshold))));
}

function unlikeTable(unlike) {
  const share = (x, kind) => (x.n > 0 ? `${x[kind]} (${percent(x[kind] / x.n)})` : "–");
  return h("table", {}, h("caption", {}, t("he_unlike")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("he_kind")),
      h("th", { scope: "col", class: "n" }, t("he_recent", unlike.recent.n)),
      h("th", { scope: "col", class: "n" }, t("he_before", unlike.before.n)))),
    h("tbody", {}, ["light", "sharpness", "shape", "part", "defective"].map((kind) => h("tr", {},
      h("th", { scope: "row" }, t(kind === "defective" ? "verdict_defective" : `unlike_${kind}`)),
      h("td", { class: "n" }, share(unlike.recent, kind)),
      h("td", { class: "n" }, share(unlike.before, kind))))));
}

function driftPart(drift) {
  if (drift.recent.n === 0) return h("p", { class: "dim" }, t("he_no_inspections"));
  const p = drift.ks.p;
  return [h("p", { class: `sentence ${drift.verdict === "higher" ? "warn" : ""}`,
    id: "drift_says" }, t(`drift_${drift.verdict}`)),
    h("p", {}, t("he_above", percent(drift.recent.above_median), percent(drift.recent.above_q95))),
    h("p", { class: "dim" },
      t("he_ks", number(drift.ks.statistic), p < 1e-4 ? t("he_tiny") : `= ${number(p, 2)}`,
        drift.recent.n, drift.learned.n),
      drift.recent.marked_defect > 0 && ` ${t("he_without", drift.recent.marked_defect)}`),
    course(drift), unlikeTable(drift.unlike)];
}

export async function show(main) {
  const products = (await get("/products")).filter((each) => each.current_model !== null);
  const about = h("div", {}), times = h("div", {}), memory = h("div", {}),
    sources = h("section", { hidden: true });
  const drift = h("div", { "aria-live": "polite" });
  const pick = h("select", { id: "product" },
    products.map((each) => h("option", { value: each.id }, each.name)));
  const most = h("select", { id: "most" },
    [50, 100, 200, 500, 1000].map((n) => h("option", { value: n }, n)));
  const problem = h("p", { class: "problem", role: "alert" });
  const withSources = Object.keys((await get("/openapi.json")).paths)
    .some((path) => path.endsWith("/sources"));
  let timer = null, looks = 0, turn = 0, gone = false;
  most.value = 200;
  const newest = (each) => each.last[0]?.time ?? "";
  if (products.length > 0)
    pick.value = products.reduce((a, b) => (newest(b) > newest(a) ? b : a)).id;

  async function loadDrift() {
    const own = ++turn;
    if (products.length === 0) {
      replace(drift, h("p", { class: "dim" }, t("he_no_product")));
      return;
    }
    const data = await get(`/products/${pick.value}/drift?n=${most.value}`);
    if (own === turn && !gone) replace(drift, driftPart(data));
  }

  async function look() {
    try {
      const system = await get("/system");
      if (gone) return;
      replace(about, figures(system));
      replace(times, latencies(system.latency_ms));
      replace(memory, models(system, products));
      if (looks % driftEvery === 0) {
        const all = withSources
          ? (await Promise.all(products.map((each) => get(`/products/${each.id}/sources`)))).flat()
          : [];
        sources.hidden = all.length === 0;
        replace(sources, h("h2", {}, t("he_sources")), sourcesTable(all));
        await loadDrift();
      }
      looks++;
      problem.textContent = "";
    } catch (error) {
      if (!gone) problem.textContent = error.message;
    }
    if (!gone) timer = setTimeout(look, everyMs);
  }

  const again = () => loadDrift().catch((error) => { problem.textContent = error.message; });
  pick.onchange = most.onchange = again;
  main.append(h("h1", {}, t("health")), problem, about,
    h("div", { class: "columns" },
      h("section", { "aria-labelledby": "drift" }, h("h2", { id: "drift" }, t("he_drift")),
        h("div", { class: "form" }, h("label", { for: "product" }, t("he_product")), pick,
          h("label", { for: "most" }, t("he_last")), most), drift),
      h("section", { "aria-labelledby": "latency" },
        h("h2", { id: "latency" }, t("he_latency")), times,
        h("h2", {}, t("he_models")), memory, sources)));
  await look();
  return () => { gone = true; clearTimeout(timer); };
}
