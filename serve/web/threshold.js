// SPDX-License-Identifier: Apache-2.0
// The threshold over the scores of held-out photos, and the level of outlines.
import { get, listen, post, put } from "./api.js";
import { h, replace, say } from "./dom.js";
import { highest, outline } from "./map.js";
import { digits, has, number, t, time } from "./strings.js";
import { viewer } from "./viewer.js";

const rates = [0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.001];
const fewest = 10; // held-out scores, below which there is no promise

// With n scores held out alone and k of them at or below t, a new part like these exceeds t with a
// probability of at most (n + 1 - k) / (n + 1).  Rounded up, so that it never promises too much.
export function promise(alone, t) {
  const above = alone.filter((x) => x > t).length;
  if (alone.length < fewest || above === alone.length) return null;
  return Math.ceil(1000 * (above + 1) / (alone.length + 1) - 1e-9) / 10;
}

// The threshold of a rate, as fleck_model_threshold_at(); null: too few scores.
function thresholdAt(sorted, rate) {
  const k = Math.ceil((sorted.length + 1) * (1 - rate) - 1e-9);
  return k <= sorted.length && sorted.length >= fewest ? sorted[Math.max(k, 1) - 1] : null;
}

export const noModel = (product) => h("p", {}, t("no_model"), " ",
  h("a", { href: `#/p/${product}/fit` }, t("fit")));

// ---- The histogram ----

// The ends of an axis over values, with a margin; logarithmic where the largest is more than ten
// times the smallest.
export function ends(values) {
  const low = Math.min(...values), high = Math.max(...values), share = 0.05;
  if (low > 0 && high > 10 * low) {
    const room = (high / low) ** share;
    return { log: true, low: low / room, high: high * room };
  }
  const room = (high - low || Math.abs(high) || 1) * share;
  return { log: false, low: low - room, high: high + room };
}

// Round places on an axis, at most `most` where it is linear: 1, 2 and 5 times powers of ten.
export function ticks({ log, low, high }, most) {
  if (log) {
    const all = [];
    for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++)
      for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${k}`));
    const inside = all.filter((v) => v >= low && v <= high);
    const powers = inside.filter((v) => Number.isInteger(Math.round(Math.log10(v) * 1e9) / 1e9));
    return inside.length <= most || powers.length < 2 ? inside : powers;
  }
  const rough = (high - low) / Math.max(most, 1), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough * (1 - 1e-9));
  const places = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) places.push(k * step);
  return places;
}

// Places on an axis as pixels.
function axis({ log, low, high }, width) {
  const pad = 12;
  const f = log ? Math.log : (v) => v, g = log ? Math.exp : (v) => v;
  const a = f(low), b = f(high);
  return {
    to: (v) => pad + (f(Math.min(Math.max(v, low), high)) - a) / (b - a || 1) * (width - 2 * pad),
    from: (x) => g(a + Math.min(Math.max((x - pad) / (width - 2 * pad), 0), 1) * (b - a)),
  };
}

function bars(lane, scale, width, top, height) {
  const n = Math.max(12, Math.min(60, Math.floor(width / 14)));
  const counts = new Array(n).fill(0);
  for (const v of lane.values) counts[Math.min(n - 1, Math.floor(scale.to(v) / width * n))]++;
  const most = Math.max(1, ...counts);
  return counts.map((count, i) => count > 0
    && h("rect", { x: i * width / n + 1, width: width / n - 2,
      y: top + height - Math.max(2, count / most * height),
      height: Math.max(2, count / most * height), class: lane.kind },
    h("title", { svg: true }, t("th_bar", count, number(scale.from(i * width / n)),
      number(scale.from((i + 1) * width / n))))));
}

// lanes: [{name, values, kind}].  change(t) is called as the line moves.
function histogram(lanes, change) {
  const values = lanes.flatMap((lane) => lane.values);
  const svg = h("svg", { class: "histogram", role: "group", "aria-label": t("th_histogram") });
  const handle = 18, lane = 64, gap = 26;
  const height = handle + lanes.length * (lane + gap) + 34;
  const topOf = (i) => handle + i * (lane + gap) + gap;
  let scale, width = 0, line, at = NaN, span = null; // span: of all scores and the first threshold

  function place() {
    if (!line) return;
    const x = scale.to(at);
    line.setAttribute("transform", `translate(${x} 0)`);
    line.setAttribute("aria-valuenow", at);
    line.setAttribute("aria-valuetext", number(at, 4));
  }

  function draw() {
    scale = axis(span, width);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    line = h("g", { class: "limit", role: "slider", tabindex: 0, "aria-label": t("threshold"),
      "aria-valuemin": span.low, "aria-valuemax": span.high, "aria-orientation": "horizontal",
      onkeydown: key },
    h("rect", { x: -14, y: 0, width: 28, height, class: "grip" }),
    h("line", { x1: 0, x2: 0, y1: 6, y2: height - 22 }),
    h("circle", { cx: 0, cy: 8, r: 8 }));
    const marks = ticks(span, Math.floor(width / 64));
    replace(svg,
      lanes.map((each, i) => h("g", {},
        bars(each, scale, width, topOf(i), lane),
        h("line", { x1: 0, x2: width, y1: topOf(i) + lane, y2: topOf(i) + lane, class: "base" }))),
      marks.map((v) => h("g", {},
        h("line", { x1: scale.to(v), x2: scale.to(v), y1: height - 34, y2: height - 29,
          class: "base" }),
        h("text", { x: scale.to(v), y: height - 12, class: "tick" }, number(v, 9)))), line,
      // names lie over the line
      lanes.map((each, i) => h("text", { x: 12, y: topOf(i) - 7, class: "name" },
        `${each.name} (${each.values.length})`)));
    place();
  }

  function key(event) {
    const { low, high } = span, step = (high - low) / (event.shiftKey ? 20 : 200);
    const to = { ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step,
      ArrowUp: at + step, PageDown: at - 10 * step, PageUp: at + 10 * step,
      Home: low, End: high }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    change(Math.min(Math.max(to, low), high));
  }

  let dragging = false;
  const drag = (event) => change(scale.from(event.clientX - svg.getBoundingClientRect().left));
  svg.addEventListener("pointerdown", (event) => {
    dragging = true;
    svg.setPointerCapture(event.pointerId);
    line.focus({ preventScroll: true });
    drag(event);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => { if (dragging) drag(event); });
  for (const kind of ["pointerup", "pointercancel"])
    svg.addEventListener(kind, () => { dragging = false; });
  new ResizeObserver(() => {
    if (svg.clientWidth === 0 || svg.clientWidth === width) return;
    width = svg.clientWidth;
    draw();
  }).observe(svg);

  return {
    svg,
    set(value) {
      at = value;
      if (span === null) {
        span = ends([...values, at]);
        if (width > 0) draw();
      }
      place();
    },
  };
}

// ---- The screen ----

// How many photos would be rejected that are held out with their group: a warning where they are
// many more than the rate promises, as `fleck fit` gives it.  null: no groups.
export function ofGroups(held, at, info) {
  const scores = held.map((x) => x.group).filter((x) => x !== null);
  if (scores.length === 0 || at === null) return null;
  const above = scores.filter((x) => x > at).length;
  const rate = Math.max(info.false_alarms ?? 0, 1 / (scores.length + 1));
  const many = above > 3 && above > 3 * rate * scores.length;
  return h("p", { class: many ? "warning" : null },
    t("th_by_group", above, scores.length, t(`group_${info.groups || "none"}`)),
    many && [" ", t("th_more_days")]);
}

function whatFollows(data, at) {
  const alone = data.held_out.map((x) => x.alone);
  const count = (list) => list.filter((x) => x > at).length;
  const share = promise(alone, at);
  const rejected = t("th_rejected", count(alone), alone.length);
  const lines = [h("p", { class: "sentence", id: "sentence" },
    share !== null ? t("th_sentence", rejected, number(share, 3))
      : t(alone.length < fewest ? "th_few" : "th_all", rejected))];
  lines.push(ofGroups(data.held_out, at, data.info));
  const defects = data.marked.filter((x) => x.mark === "defect").map((x) => x.score);
  const good = data.marked.filter((x) => x.mark === "good").map((x) => x.score);
  if (defects.length > 0)
    lines.push(h("p", { id: "found" }, t("th_found", count(defects), defects.length)));
  if (good.length > 0) lines.push(h("p", {}, t("th_marked_good", count(good), good.length)));
  return lines;
}

function lanesOf(data) {
  const lanes = [{ name: t("th_alone"), values: data.held_out.map((x) => x.alone), kind: "good" }];
  const groups = data.held_out.map((x) => x.group).filter((x) => x !== null);
  if (groups.length > 0)
    lanes.push({ name: t(`group_${data.info.groups}`), values: groups, kind: "group" });
  const marks = [["good", "th_was_good", "good"], ["defect", "th_was_defect", "bad"]];
  for (const [mark, key, kind] of marks) {
    const values = data.marked.filter((x) => x.mark === mark).map((x) => x.score);
    if (values.length > 0) lanes.push({ name: t(key), values, kind });
  }
  return lanes;
}

function changesTable(data, reload) {
  const back = async (row) => {
    await post(`/models/${row.id}/activate`, {});
    say(t("th_back_done", row.version));
    reload();
  };
  const rule = (row) => (row.threshold_rule === "rate" && row.false_alarms !== null
    ? t("rule_rate", number(100 * row.false_alarms)) : t(`rule_${row.threshold_rule || "none"}`));
  return h("section", { "aria-labelledby": "changes" }, h("h2", { id: "changes" }, t("th_changes")),
    h("div", { class: "scroll", tabindex: 0, role: "group", "aria-labelledby": "changes" },
      h("table", {},
        h("thead", {}, h("tr", {},
          ["th_version", "th_when", "th_who", "th_why", "threshold", "th_rule", "th_outlines"]
            .map((key) => h("th", { scope: "col", class: key === "threshold" ? "n" : undefined },
              t(key))), h("td", {}))),
        h("tbody", {}, data.changes.map((row) => h("tr", { class: row.current ? "current" : "" },
          h("th", { scope: "row" }, row.version), h("td", {}, time(row.created)),
          h("td", {}, row.who || "–"),
          h("td", {}, has(`why_${row.reason}`) ? t(`why_${row.reason}`) : row.reason),
          h("td", { class: "n" }, digits(row.threshold)),
          h("td", {}, rule(row)),
          h("td", {}, row.pixels_set ? number(row.pixel_threshold, 4) : t("th_own_level_short")),
          h("td", {}, row.current ? h("strong", {}, t("th_current"))
            : h("button", { class: "plain small",
              onclick: () => back(row).catch((e) => say(e.message)),
              "aria-label": t("th_back_to", row.version) }, t("th_back")))))))),
    data.notes.length > 0 && h("ul", { class: "dim" }, data.notes.map((note) =>
      h("li", {}, t("th_note", time(note.time), note.who || "–", note.version)))));
}

// Outlines of one inspection at a level that a slider moves.
function pixelSection(product, data, state) {
  const own = h("input", { type: "radio", name: "level", id: "own" });
  const set = h("input", { type: "radio", name: "level", id: "set" });
  const slider = h("input", { type: "range", id: "pixel", step: "any" });
  const exact = h("input", { type: "number", step: "any", id: "pixel_number", class: "short" });
  const pick = h("select", { id: "pick" });
  const message = h("p", { class: "dim" });
  const shown = viewer({ layer: "outline" });
  const info = data.info;
  let current = null, frame = 0;

  const low = info.scale_low ?? 0, high = info.scale_high ?? 1;
  const start = info.pixel_threshold ?? (low + high) / 2;
  const setRange = (top) => {
    slider.min = Math.min(low, start);
    slider.max = Math.max(top, start);
    slider.step = (slider.max - slider.min) / 400 || "any";
  };
  setRange(high);
  slider.value = start;
  exact.value = Number(start.toPrecision(5));
  own.checked = !info.pixels_set;
  set.checked = info.pixels_set;

  function draw() {
    slider.disabled = exact.disabled = own.checked;
    state.pixel = own.checked ? null : Number(exact.value);
    state.pixelChanged = own.checked ? info.pixels_set
      : !info.pixels_set || state.pixel !== info.pixel_threshold;
    state.update();
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (!current || !current.shown.map) return;
      const model = data.changes.find((row) => row.id === current.row.model);
      message.textContent = own.checked && model?.pixels_set ? t("th_own_later") : "";
      if (!own.checked) shown.outlines(outline(current.shown.map, state.pixel), state.pixel);
      else shown.outlines(model?.pixels_set ? [] : null, current.row.level ?? NaN);
    });
  }

  async function choose(rows) {
    const row = rows.find((each) => each.id === Number(pick.value));
    current = null;
    const result = await shown.show(row, low, high);
    if (!result) return;
    current = { row, shown: result };
    if (result.map) setRange(Math.max(high, highest(result.map)));
    draw();
  }

  own.onchange = set.onchange = draw;
  slider.oninput = () => { exact.value = Number(Number(slider.value).toPrecision(5)); draw(); };
  exact.oninput = () => { if (exact.value !== "") { slider.value = exact.value; draw(); } };
  get(`/inspections?product=${product}&limit=40`).then(({ items }) => {
    const rows = items.filter((row) => row.picture && row.verdict !== "error");
    if (rows.length === 0) message.textContent = t("th_no_inspections");
    replace(pick, rows.map((row) => h("option", { value: row.id },
      `${row.name} – ${t(`verdict_${row.verdict}`)}`)));
    const first = rows.find((row) => row.verdict === "defective") || rows[0];
    if (!first) return;
    pick.value = first.id;
    pick.onchange = () => choose(rows);
    choose(rows);
  }).catch((error) => { message.textContent = error.message; });
  return {
    draw, end: shown.end,
    element: h("section", { "aria-labelledby": "outlines" },
      h("h2", { id: "outlines" }, t("th_outlines_title")),
      h("p", { class: "dim" }, t("th_outlines_help")),
      h("fieldset", {}, h("legend", {}, t("th_level")),
        h("label", { class: "row" }, own, " ", t("th_own_level")),
        h("label", { class: "row" }, set, " ", t("th_one_level")),
        h("label", { class: "row", for: "pixel" }, t("th_level_slider")), slider,
        h("label", { class: "row", for: "pixel_number" }, t("th_level_number")), exact),
      h("label", { class: "row" }, t("th_on"), " ", pick), message, shown.element),
  };
}

export async function show(main, product) {
  const place = h("div", {});
  let part = null, gone = false, edited = false, saving = false;
  main.append(h("h1", {}, t("threshold")), place);

  async function load() {
    if ((await get(`/products/${product}`)).current_model === null) {
      replace(place, noModel(product));
      return;
    }
    const data = await get(`/products/${product}/threshold`);
    if (gone) return;
    part?.end();
    draw(data);
  }

  function draw(data) {
    const alone = data.held_out.map((x) => x.alone).sort((a, b) => a - b);
    const state = { at: data.info.threshold, rate: null, pixel: null, pixelChanged: false };
    const field = h("input", { type: "number", step: "any", id: "limit", class: "short" });
    const said = h("div", { class: "said", "aria-live": "polite" });
    const save = h("button", { id: "save" }, t("th_save"));
    const undo = h("button", { class: "plain" }, t("th_undo"));
    const byHand = h("p", { class: "dim", id: "by_hand" }, t("th_hand_means"));
    const buttons = h("div", { class: "bar-bottom" }, save, undo);
    const rate = h("select", { id: "rate" });
    const chart = alone.length > 0 && histogram(lanesOf(data),
      (value) => { state.rate = null; move(value); });

    function move(value) {
      state.at = value;
      if (Number(field.value) !== Number(value.toPrecision(6)) || field.value === "")
        field.value = Number(value.toPrecision(6));
      if (chart) chart.set(value);
      replace(said, whatFollows(data, value));
      state.update();
    }
    state.update = () => {
      const moved = state.at !== data.info.threshold || state.rate !== null;
      const kept = !moved && rates.includes(data.info.false_alarms) ? data.info.false_alarms : "";
      rate.value = state.rate ?? kept;
      byHand.hidden = moved ? state.rate !== null : data.info.threshold_rule !== "set";
      save.disabled = !(state.pixelChanged || (moved && Number.isFinite(state.at)));
      undo.disabled = save.disabled;
      edited = !save.disabled;
      buttons.classList.toggle("changed", edited);
    };
    replace(rate, h("option", { value: "" }, t("th_by_hand")), rates.map((each) => {
      const value = thresholdAt(alone, each);
      return h("option", { value: each, disabled: value === null },
        value !== null ? t("th_rate", number(100 * each), number(value))
          : t("th_rate_few", number(100 * each), Math.max(fewest, Math.round(1 / each) - 1)));
    }));
    rate.onchange = () => {
      state.rate = rate.value === "" ? null : Number(rate.value);
      if (state.rate !== null) move(thresholdAt(alone, state.rate));
    };
    field.oninput = () => {
      if (field.value === "" || !Number.isFinite(Number(field.value))) return;
      state.rate = null;
      move(Number(field.value));
    };
    undo.onclick = load;
    save.onclick = async () => {
      const body = { model: data.model };
      if (state.rate !== null) body.false_alarms = state.rate;
      else if (state.at !== data.info.threshold) body.threshold = state.at;
      if (state.pixelChanged) body.pixel_threshold = state.pixel;
      save.disabled = saving = true;
      try {
        const model = await put(`/products/${product}/threshold`, body);
        say(t("th_saved", model.version));
        await load();
      } catch (error) {
        save.disabled = false;
        say(error.message);
      } finally {
        saving = false;
      }
    };
    part = pixelSection(product, data, state);
    replace(place,
      h("div", { class: "columns" },
        h("section", { "aria-labelledby": "scores" }, h("h2", { id: "scores" }, t("th_scores")),
          chart ? chart.svg : h("p", {}, t("th_no_scores")), said,
          h("div", { class: "form" },
            h("label", { for: "limit" }, t("threshold")), field,
            h("label", { for: "rate" }, t("th_rate_label")), rate),
          h("p", { class: "dim" }, t("th_means")), byHand),
        part.element),
      buttons, changesTable(data, load));
    if (Number.isFinite(state.at)) move(state.at);
    else {
      if (chart) chart.set(alone[alone.length - 1]);
      replace(said, h("p", { class: "sentence" }, t("th_none")));
    }
    part.draw();
  }

  await load();
  const stop = listen((kind, event) => {
    if (kind !== "model" || event.product !== product || gone || saving) return;
    if (edited) say(t("th_changed")); // what was moved here stays; saving it is refused
    else load().catch((error) => say(error.message));
  });
  return () => { gone = true; stop(); part?.end(); };
}
