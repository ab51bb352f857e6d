// SPDX-License-Identifier: Apache-2.0
// Areas to ignore or to watch, drawn over the mean of the good photos, in pixels of the photos.
import { get, post, put } from "./api.js";
import { h, replace, say } from "./dom.js";
import { busy } from "./parts.js";
import { percent, t } from "./strings.js";

const MOST_STEPS = 200; // of undo
const drafts = new Map(); // product: areas that were drawn and not saved

const copy = (areas) => structuredClone(areas);
const same = (a, b) => JSON.stringify(a || []) === JSON.stringify(b || []);

export async function show(main, id) {
  const [product, stored, models] = await Promise.all([get(`/products/${id}`),
    get(`/products/${id}/areas`), get(`/products/${id}/models`)]);
  let saved = stored.areas, areas = copy(drafts.get(id) || saved);
  // drawing: points of a new area
  let selected = -1, tool = "select", kind = "ignore", drawing = null;
  const undone = [], done = [];
  main.append(h("h1", {}, t("areas")));
  if (product.photos === 0) {
    main.append(h("p", { class: "empty" }, t("areas_no_photos"), " ",
      h("a", { href: `#/p/${id}/photos` }, t("photos_add"))));
    return null;
  }
  const answer = await get(`/products/${id}/mean.jpg`, { raw: true });
  const [width, height] = answer.headers.get("X-Fleck-Photo-Size").split("x").map(Number);
  const address = URL.createObjectURL(await answer.blob());
  const job = await fitOfModel(models);
  const modelAreas = job ? job.areas || [] : undefined;

  // ---- Changes ----

  // Every change goes through here: it can be undone.
  function change(f) {
    done.push(copy(areas));
    if (done.length > MOST_STEPS) done.shift();
    undone.length = 0;
    f();
    draw();
  }
  function undo(from, to) {
    if (from.length === 0) return;
    to.push(copy(areas));
    areas = from.pop();
    selected = Math.min(selected, areas.length - 1);
    draw();
  }
  function drop(i) {
    if (!areas[i]) return;
    change(() => { areas.splice(i, 1); selected = -1; });
  }
  function insert(points, own = kind) {
    change(() => { areas.push({ kind: own, points }); selected = areas.length - 1; });
  }
  async function save() {
    saved = (await put(`/products/${id}/areas`, { areas })).areas;
    areas = copy(saved);
    drafts.delete(id);
    say(t("areas_saved"));
    draw();
  }
  async function fit() {
    if (!same(areas, saved)) await save();
    await post(`/products/${id}/fits`, { settings: (job || product).settings || {} });
    location.hash = `#/p/${id}/fit`;
  }

  // ---- The picture ----

  const shade = h("rect", { class: "shade", width, height, mask: "url(#watched)", x: 0, y: 0 });
  const watched = h("mask", { id: "watched" });
  const layer = h("g"), handles = h("g"), preview = h("polyline", { class: "preview" });
  const canvas = h("svg", { class: "canvas", viewBox: `0 0 ${width} ${height}`, tabindex: 0,
    role: "application", "aria-describedby": "hint" },
  h("defs", {}, watched), h("image", { href: address, width, height }), shade, layer,
  preview, handles);
  canvas.style.maxWidth = `calc(70vh * ${width / height})`;
  const clamp = (v, most) => Math.min(Math.max(Math.round(v), 0), most);
  function at(event) {
    const p = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(canvas.getScreenCTM().inverse());
    return [clamp(p.x, width), clamp(p.y, height)];
  }
  // Photo pixels of a pixel of the screen.
  const pixel = () => width / (canvas.clientWidth || width);
  const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 12 * pixel();
  const box = ([x0, y0], [x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

  let drag = null; // {from, i, k: corner or -1, before}
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.focus({ preventScroll: true });
    const p = at(event);
    if (tool === "rectangle") {
      drawing = [p, p];
    } else if (tool === "polygon") {
      if (drawing && drawing.length > 2 && near(p, drawing[0])) return close();
      drawing = [...(drawing || []), p];
    } else {
      const i = event.target.dataset.area, k = event.target.dataset.corner;
      selected = i === undefined ? -1 : Number(i);
      if (selected >= 0)
        drag = { from: p, i: selected, k: k === undefined ? -1 : Number(k), before: copy(areas),
          moved: false };
      draw();
    }
    if (tool !== "polygon") canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    return drawPreview(p);
  });
  canvas.addEventListener("pointermove", (event) => {
    const p = at(event);
    if (drawing && tool === "rectangle") drawing[1] = p;
    if (drawing) drawPreview(p);
    if (!drag) return;
    const points = drag.before[drag.i].points;
    const by = [p[0] - drag.from[0], p[1] - drag.from[1]];
    drag.moved = drag.moved || by[0] !== 0 || by[1] !== 0;
    areas[drag.i].points = drag.k < 0 ? moved(points, by)
      : points.map((q, k) => (k === drag.k ? p : q));
    drawAreas();
  });
  canvas.addEventListener("pointerup", () => {
    if (drawing && tool === "rectangle") {
      const [a, b] = drawing;
      drawing = null;
      if (Math.abs(a[0] - b[0]) > 1 && Math.abs(a[1] - b[1]) > 1) insert(box(a, b));
    }
    if (drag?.moved) { done.push(drag.before); undone.length = 0; }
    drag = null;
    draw();
  });
  canvas.addEventListener("pointercancel", () => {
    if (drag) areas = drag.before;
    drag = drawing = null;
    draw();
  });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter" && drawing) close();
    else if (event.key === "Escape") { drawing = null; selected = -1; draw(); }
    else if ((event.key === "Delete" || event.key === "Backspace") && selected >= 0) drop(selected);
    else if (by && selected >= 0) {
      const step = event.shiftKey ? 10 : 1;
      change(() => {
        areas[selected].points = moved(areas[selected].points, by.map((v) => v * step));
      });
    } else return;
    event.preventDefault();
  });

  // Moved as far as the picture goes.
  function moved(points, by) {
    return [0, 1].reduce((all, axis) => {
      const values = all.map((p) => p[axis]);
      const step = Math.min(Math.max(by[axis], -Math.min(...values)),
        [width, height][axis] - Math.max(...values));
      return all.map((p) => p.map((v, i) => (i === axis ? v + step : v)));
    }, points);
  }
  function close() {
    const points = drawing.filter((p, i) =>
      i === 0 || p[0] !== drawing[i - 1][0] || p[1] !== drawing[i - 1][1]);
    drawing = null;
    if (points.length >= 3) insert(points);
    draw();
  }

  // ---- Drawing ----

  const text = (points) => points.map((p) => p.join(",")).join(" ");
  function drawPreview(pointer) {
    const points = !drawing ? [] : tool === "rectangle" ? [...box(...drawing), drawing[0]]
      : [...drawing, pointer || drawing.at(-1)];
    preview.setAttribute("points", text(points));
  }
  function drawAreas() {
    const only = areas.filter((a) => a.kind === "only");
    shade.setAttribute("visibility", only.length > 0 ? "visible" : "hidden");
    replace(watched, h("rect", { x: 0, y: 0, width, height, fill: "#fff" }),
      only.map((a) => h("polygon", { points: text(a.points), fill: "#000" })));
    replace(layer, areas.map((a, i) => h("polygon", { points: text(a.points), "data-area": i,
      class: `${a.kind}${i === selected ? " selected" : ""}` })));
    replace(handles, areas[selected] && areas[selected].points.map((p, k) =>
      h("circle", { class: "handle", cx: p[0], cy: p[1], r: 7 * pixel(), "data-area": selected,
        "data-corner": k })));
    canvas.setAttribute("aria-label", t("areas_image", areas.length));
    canvas.classList.toggle("drawing", tool !== "select");
  }

  const toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": t("areas_tools") });
  const hint = h("p", { class: "dim", id: "hint" });
  const list = h("div", { class: "list" });
  const foot = h("div", { class: "row" }), trouble = h("div"), state = h("div");

  const kinds = (chosen) => ["ignore", "only"].map((k) =>
    h("option", { value: k, selected: k === chosen }, t(`areas_${k}`)));

  function drawTools() {
    const button = (key, attributes) =>
      h("button", { class: "plain", "data-key": key, ...attributes }, t(key));
    keepFocus(toolbar, () => replace(toolbar,
      ["select", "rectangle", "polygon"].map((name) =>
        h("button", { class: "plain tool", "data-key": name,
          "aria-pressed": tool === name ? "true" : "false",
          onclick: () => { tool = name; drawing = null; draw(); } }, t(`areas_${name}`))),
      h("label", { for: "kind" }, t("areas_kind")),
      h("select", { id: "kind", "data-key": "kind", onchange: (e) => { kind = e.target.value; } },
        kinds(kind)),
      button("areas_undo", { disabled: done.length === 0, onclick: () => undo(done, undone) }),
      button("areas_redo", { disabled: undone.length === 0, onclick: () => undo(undone, done) }),
      button("areas_delete", { disabled: selected < 0, onclick: () => drop(selected) })));
    hint.textContent = t(`areas_hint_${tool}`);
  }

  // Draw again, with the focus where it was.
  function keepFocus(element, f) {
    const key = element.contains(document.activeElement)
      ? document.activeElement.dataset.key : null;
    f();
    if (key) element.querySelector(`[data-key="${key}"]`)?.focus();
  }

  function drawList() {
    keepFocus(list, () => replace(list, h("h2", {}, t("areas_table")),
      h("p", { class: "dim" }, t("areas_table_help", width, height)),
      areas.length === 0 && h("p", {}, t("areas_none")),
      areas.map((area, i) => areaRow(area, i)),
      h("button", { class: "plain", "data-key": "add", onclick: () => insert(box(
        [Math.round(width / 4), Math.round(height / 4)],
        [Math.round((width * 3) / 4), Math.round((height * 3) / 4)])) },
      t("areas_add"))));
  }

  function areaRow(area, i) {
    const number = (k, axis) =>
      h("input", { type: "number", value: area.points[k][axis], step: "any",
        min: 0, max: [width, height][axis], "data-key": `${i}-${k}-${axis}`,
        "aria-label": t(axis === 0 ? "areas_x" : "areas_y", i + 1, k + 1),
        onfocus: () => { if (selected !== i) { selected = i; drawAreas(); } },
        onchange: (e) => {
          const value = e.target.valueAsNumber;
          if (!Number.isFinite(value) || !e.target.validity.valid) {
            e.target.reportValidity();
            return;
          }
          change(() => { area.points[k][axis] = value; });
        } });
    const after = (k) => {
      const a = area.points[k], b = area.points[(k + 1) % area.points.length];
      change(() => area.points.splice(k + 1, 0,
        [Math.round((a[0] + b[0]) / 2), Math.round((a[1] + b[1]) / 2)]));
    };
    return h("section", { class: `area${i === selected ? " selected" : ""}`,
      "aria-label": t("areas_n", i + 1) },
      h("div", { class: "head" }, h("h3", {}, t("areas_n", i + 1)),
        h("select", { "aria-label": t("areas_n_kind", i + 1), "data-key": `${i}-kind`,
          onchange: (e) => change(() => { area.kind = e.target.value; selected = i; }) },
        kinds(area.kind)),
        h("button", { class: "quiet", "data-key": `${i}-drop`,
          "aria-label": t("areas_delete_n", i + 1), onclick: () => drop(i) }, t("areas_delete"))),
      h("details", { open: i === selected },
        h("summary", {}, t("areas_points", area.points.length)),
        h("table", {}, h("thead", {},
          h("tr", {}, h("th", { scope: "col" }, t("areas_point")), h("th", { scope: "col" }, "x"),
            h("th", { scope: "col" }, "y"), h("td"))),
        h("tbody", {}, area.points.map((_, k) => h("tr", {}, h("th", { scope: "row" }, k + 1),
          h("td", {}, number(k, 0)), h("td", {}, number(k, 1)),
          h("td", {}, h("button", { class: "quiet", "data-key": `${i}-${k}-add`,
            "aria-label": t("areas_point_add", k + 1), onclick: () => after(k) }, "+"),
          h("button", { class: "quiet", "data-key": `${i}-${k}-remove`,
            "aria-label": t("areas_point_remove", k + 1),
            disabled: area.points.length <= 3,
            onclick: () => change(() => area.points.splice(k, 1)) }, "−"))))))));
  }

  function drawState() {
    const dirty = !same(areas, saved);
    if (dirty) drafts.set(id, copy(areas)); else drafts.delete(id);
    keepFocus(foot, () => replace(foot,
      h("button", { disabled: !dirty, "data-key": "save",
        onclick: (e) => busy(e.target, trouble, save) }, t("save")),
      h("button", { class: "plain", "data-key": "fit",
        onclick: (e) => busy(e.target, trouble, fit) }, t("fit_again")),
      dirty && h("span", { class: "tag" }, t("areas_unsaved"))));
    const model = models.find((m) => m.current);
    const left = percent(model?.info.left_out ?? 0);
    replace(state, h("p", { class: "state" }, !model ? t("areas_no_model")
      : modelAreas === undefined ? t("areas_unknown", left)
        : !same(modelAreas, saved) ? t("areas_not_in_model", left)
          : saved.length > 0 ? t("areas_in_model", left) : t("areas_none_in_model")));
  }

  function draw() {
    drawAreas();
    drawPreview();
    drawTools();
    drawList();
    drawState();
  }

  main.append(h("p", { class: "dim" }, t("areas_help")), state,
    h("div", { class: "work" }, h("div", {}, toolbar, canvas, hint, foot, trouble), list));
  if (drafts.has(id)) say(t("areas_draft"));
  const onKey = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z"
      || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    event.preventDefault();
    if (event.shiftKey) undo(undone, done); else undo(done, undone);
  };
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", drawAreas);
  draw();
  requestAnimationFrame(drawAreas); // its size is known once it is shown
  return () => {
    document.removeEventListener("keydown", onKey);
    window.removeEventListener("resize", drawAreas);
    URL.revokeObjectURL(address);
  };
}

// The fit that the model in use came from; null: it was uploaded, or there is none.
async function fitOfModel(models) {
  let model = models.find((m) => m.current);
  while (model && !model.job && model.parent) model = models.find((m) => m.id === model.parent);
  return model?.job ? get(`/jobs/${model.job}`) : null;
}
