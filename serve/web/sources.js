// SPDX-License-Identifier: Apache-2.0
// Live sources of a product: folders that are watched, and cameras.
import { get, post, remove } from "./api.js";
import { h, replace, say } from "./dom.js";
import { busy } from "./parts.js";
import { number, t } from "./strings.js";

const everyMs = 3000;

// "Name = value" lines as JSON.  Numbers stay as they were written: a camera tells 2000 from
// 2000.0.
export function features(text) {
  const pairs = text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(t("so_feature_line", line));
    const value = line.slice(at + 1).trim();
    const plain = /^(true|false|-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?)$/.test(value);
    return `${JSON.stringify(line.slice(0, at).trim())}: ${plain ? value : JSON.stringify(value)}`;
  });
  return `{${pairs.join(", ")}}`;
}

// What a kind asks for; json(text) makes the member's JSON.
const text = JSON.stringify, figure = (value) => text(Number(value));
const interval = { name: "interval", type: "number", min: 0, max: 3600, step: "any", json: figure };
const fields = {
  folder: [{ name: "folder", required: true, json: text },
    { name: "subfolders", type: "checkbox", json: () => "true" },
    { name: "poll", type: "number", min: 0, max: 3600, step: "any", json: figure }],
  genicam: [{ name: "camera", required: true, json: text },
    { name: "pixel_format", choices: ["Mono8", "Mono16", "RGB8", "BGR8"], json: text },
    interval, { name: "features", lines: true, json: features }],
  v4l2: [{ name: "device", required: true, value: "/dev/video0", json: text },
    { name: "format", choices: ["GREY", "YUYV", "RGB24", "MJPEG"], json: text },
    { name: "width", type: "number", min: 1, max: 65535, json: figure },
    { name: "height", type: "number", min: 1, max: 65535, json: figure }, interval],
};

function control(field) {
  const { name, choices, lines, json, ...rest } = field;
  const given = { id: `so-${name}`, ...rest };
  if (choices)
    return h("select", given, h("option", { value: "" }, t("so_as_it_is")),
      choices.map((v) => h("option", {}, v)));
  return lines ? h("textarea", { ...given, rows: 3, placeholder: "ExposureTime = 2000.0" })
    : h("input", { ...given, autocomplete: "off" });
}

function list(sources, nameOf, end) {
  const columns = ["so_source", "so_state", "so_judged", "so_failed", "so_skipped", "so_dropped"];
  return h("table", { class: "stack sources" },
    h("thead", {}, h("tr", {}, columns.map((key, i) =>
      h("th", { scope: "col", class: i > 1 ? "n" : undefined }, t(key))), h("td", {}))),
    h("tbody", {}, sources.map((s) => h("tr", { "data-source": s.id },
      h("td", { "data-name": t(columns[0]) }, h("span", { class: "strong" }, nameOf(s)), " ",
        h("span", { class: "dim" }, t(`so_${s.kind}`))),
      h("td", { "data-name": t(columns[1]), class: s.state !== "running" ? "warn" : undefined },
        h("span", {}, t(`so_${s.state.replace(" ", "_")}`),
          s.problem && [": ", h("span", { lang: "en" }, s.problem)])),
      [s.judged, s.failed, s.skipped, (s.dropped ?? 0) + (s.incomplete ?? 0)].map((n, i) =>
        h("td", { "data-name": t(columns[i + 2]), class: "n" }, number(n ?? 0, 9))),
      h("td", {}, h("button", { class: "plain small", "aria-label": t("so_end_of", nameOf(s)),
        onclick: (e) => end(s, e.target) },
        t("so_end")))))));
}

// The sources of a product, and a form for another one; added() is called when there is one more.
export function sourcesPanel(product, system, added) {
  const count = h("span", { class: "dim" });
  const table = h("div", {}), trouble = h("div", {}), form = h("div", { class: "form" }),
    note = h("p", { class: "dim" });
  const root = system.watch_root ?? system.import_root;
  const kind = h("select", { id: "so-kind", onchange: () => choose() },
    system.source_kinds.map((each) =>
      h("option", { value: each.name, disabled: !each.built },
        t(`so_${each.name}`), !each.built && ` – ${t("so_needs", each.needs ?? "?")}`)));
  const button = h("button", { id: "so-add" }, t("so_add"));
  let gone = false, drawn = "";

  const nameOf = ({ kind: of, config }) => {
    const name = config.folder ?? config.camera ?? config.device ?? of;
    return root && name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name;
  };

  function choose() {
    const folder = kind.value === "folder";
    const closed = folder && !root;
    note.textContent = closed ? t("so_no_root") : t(`so_${kind.value}_help`, root);
    replace(form, h("label", { for: "so-kind" }, t("so_kind")), kind,
      !closed && fields[kind.value].map((field) =>
        [h("label", { for: `so-${field.name}` }, t(`so_${field.name}`)), control(field)]));
    button.disabled = closed;
    replace(trouble);
  }

  async function look() {
    const sources = await get(`/products/${product}/sources`);
    if (gone) return;
    const now = JSON.stringify(sources);
    if (now === drawn) return;
    drawn = now;
    count.textContent = sources.length > 0 ? ` (${sources.length})` : "";
    const focused = table.contains(document.activeElement)
      && document.activeElement.getAttribute("aria-label");
    replace(table, sources.length > 0 ? [list(sources, nameOf, end),
      sources.some((s) => s.state === "waiting") && h("p", { class: "dim" }, t("so_waits"))]
      : h("p", { class: "dim" }, t("so_none")));
    if (focused)
      [...table.querySelectorAll("button")]
        .find((each) => each.getAttribute("aria-label") === focused)?.focus();
  }

  const end = (source, at) => busy(at, trouble, async () => {
    await remove(`/sources/${source.id}`);
    say(t("so_ended_now", nameOf(source)));
    await look();
  });

  const add = () => busy(button, trouble, async () => {
    const members = [`"kind": ${text(kind.value)}`];
    for (const { name, type, json } of fields[kind.value]) {
      const given = form.querySelector(`#so-${name}`);
      if (type === "checkbox" ? given.checked : given.value.trim() !== "")
        members.push(`${text(name)}: ${json(given.value.trim())}`);
    }
    await post(`/products/${product}/sources`,
      new Blob([`{${members.join(", ")}}`], { type: "application/json" }));
    choose();
    await look();
    added();
  });

  const element = h("details", { class: "panel", id: "sources",
    ontoggle: () => { if (element.open) look().catch(() => {}); } },
    h("summary", {}, t("so_title"), count), table,
    h("form", { onsubmit: (event) => { event.preventDefault(); add(); } },
      h("h2", {}, t("so_new")), form, note, trouble, button));
  choose();
  look().catch(() => {});
  const timer = setInterval(() => {
    if (element.open && !document.hidden) look().catch(() => {});
  }, everyMs);
  return { element, end() { gone = true; clearInterval(timer); } };
}
