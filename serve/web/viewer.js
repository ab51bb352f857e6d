// SPDX-License-Identifier: Apache-2.0
// A picture with its heat map and outlines, which can be zoomed to its own pixels and moved.
import { url } from "./api.js";
import { h, replace } from "./dom.js";
import { colour, fetchMap, heat } from "./map.js";
import { number, t } from "./strings.js";

const shownByBrowsers = /\.(png|jpe?g|webp|bmp|gif)$/i;

export function loadImage(inspection, signal) {
  const kind = shownByBrowsers.test(inspection.picture || "") ? "original" : "jpeg";
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(t("vw_no_picture")));
    signal?.addEventListener("abort",
      () => { image.src = ""; reject(new DOMException("", "AbortError")); });
    image.src = url(`/inspections/${inspection.id}/picture?kind=${kind}`);
  });
}

// A bar of the fixed colour scale, from low to high, with a mark at `level`.
function legend(low, high, level) {
  const canvas = h("canvas", { width: 256, height: 1, class: "scale", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  for (let i = 0; i < 256; i++) {
    context.fillStyle = `rgb(${colour(i / 255).map(Math.round).join(",")})`;
    context.fillRect(i, 0, 1, 1);
  }
  const mark = h("span", { class: "level", "aria-hidden": "true" });
  const share = (level - low) / (high - low);
  mark.style.left = `${100 * Math.min(Math.max(share, 0), 1)}%`;
  return [
    h("div", { class: "colours" }, canvas,
      Number.isFinite(share) && share >= 0 && share <= 1 && mark),
    h("div", { class: "ends" }, h("span", {}, number(low)),
      h("span", {}, Number.isFinite(level) ? t("vw_level", number(level)) : t("vw_scale")),
      h("span", {}, number(high)))];
}

// options.layer: what is shown at first, "both", "heat", "outline" or "photo".
export function viewer(options = {}) {
  const canvas = h("canvas", { class: "picture", tabindex: 0, role: "img",
    "aria-label": t("vw_picture") });
  const context = canvas.getContext("2d");
  const layer = h("select", { onchange: draw, "aria-label": t("vw_layer") },
    ["both", "heat", "outline", "photo"].map((v) => h("option", { value: v }, t(`vw_${v}`))));
  layer.value = options.layer || "both";
  const opacity = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.55,
    oninput: draw, "aria-label": t("vw_opacity") });
  const scale = h("div", { class: "legend" });
  const zoomed = h("span", { class: "dim zoomed" });
  const message = h("p", { class: "dim message", hidden: true });
  let now = null, view = { scale: 1, x: 0, y: 0 }, fit = 1, width = 0, height = 0, turn = 0;
  let busy = false, wanted = null; // a region that was asked for while its picture was loading
  let abort = new AbortController();

  const button = (text, label, act) =>
    h("button", { class: "plain small", type: "button", "aria-label": label,
      title: label, onclick: act }, text);
  const element = h("div", { class: "viewer" },
    h("div", { class: "tools" }, h("label", {}, t("vw_layer"), " ", layer),
      h("label", {}, t("vw_opacity"), " ", opacity),
      h("span", { class: "zooms" },
        button("−", t("vw_out"), () => zoom(1 / 1.5)), button("+", t("vw_in"), () => zoom(1.5)),
        button("1:1", t("vw_original"), original),
        button(t("vw_fit"), t("vw_fit_help"), whole), zoomed)),
    canvas, message, scale, h("p", { class: "dim keys" }, t("vw_keys")));

  function limit() {
    if (!now) return;
    const w = now.width * view.scale, g = now.height * view.scale;
    view.x = w <= width ? (width - w) / 2 : Math.min(0, Math.max(width - w, view.x));
    view.y = g <= height ? (height - g) / 2 : Math.min(0, Math.max(height - g, view.y));
    canvas.style.touchAction = view.scale > fit * 1.01 ? "none" : "pan-y";
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!now) return;
    context.translate(view.x, view.y);
    context.scale(view.scale, view.scale);
    context.imageSmoothingEnabled = view.scale * ratio < 2;
    context.drawImage(now.image, 0, 0, now.width, now.height);
    if (now.heat && (layer.value === "both" || layer.value === "heat")) {
      context.imageSmoothingEnabled = true;
      context.globalAlpha = Number(opacity.value);
      context.drawImage(now.heat, 0, 0, now.width, now.height);
      context.globalAlpha = 1;
    }
    if (layer.value === "both" || layer.value === "outline") drawOutlines();
    zoomed.textContent = `${Math.round(100 * view.scale * ratio)} %`;
  }

  // Dark below light, so that lines are seen on any photo.
  function drawOutlines() {
    const path = new Path2D();
    // Segments are in pixels of the map, which may be smaller than the image.
    const sx = now.map ? now.width / now.map.width : 1,
      sy = now.map ? now.height / now.map.height : 1;
    for (const s of now.segments || []) {
      path.moveTo(s[0] * sx, s[1] * sy);
      path.lineTo(s[2] * sx, s[3] * sy);
    }
    for (const region of now.segments ? [] : now.regions || []) {
      region.outline.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
      path.closePath();
    }
    for (const [style, thick] of [["#000", 4], ["#fff", 2]]) {
      context.strokeStyle = style;
      context.lineWidth = thick / view.scale;
      context.stroke(path);
    }
  }

  function whole() {
    if (!now) return;
    fit = Math.min(width / now.width, height / now.height);
    view = { scale: fit, x: 0, y: 0 };
    limit();
    draw();
  }

  function zoom(factor, x = width / 2, y = height / 2) {
    const next = Math.min(Math.max(view.scale * factor, fit), Math.max(32, fit));
    view.x = x - (x - view.x) * next / view.scale;
    view.y = y - (y - view.y) * next / view.scale;
    view.scale = next;
    limit();
    draw();
  }

  function original() {
    zoom(1 / (window.devicePixelRatio || 1) / view.scale);
  }

  function move(dx, dy) {
    view.x += dx;
    view.y += dy;
    limit();
    draw();
  }

  function zoomTo(region) {
    if (busy) wanted = region;
    if (!now || busy) return;
    const room = Math.max(region.width, region.height, 16) * 2;
    view.scale = Math.max(fit, Math.min(32, Math.min(width, height) / room));
    view.x = width / 2 - (region.x + region.width / 2) * view.scale;
    view.y = height / 2 - (region.y + region.height / 2) * view.scale;
    limit();
    draw();
    canvas.scrollIntoView({ block: "nearest" });
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    const all = view.scale === fit;
    width = canvas.clientWidth;
    height = Math.round(Math.min(width * (now ? now.height / now.width : 0.75),
      window.innerHeight * 0.7));
    height = Math.max(height, 120);
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    if (now && all) whole();
    else {
      limit();
      draw();
    }
  }

  canvas.addEventListener("wheel", (event) => {
    if (!now) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const acts = { "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: whole,
      1: original };
    if (event.shiftKey)
      Object.assign(acts, { ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0),
        ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60) });
    const act = !event.ctrlKey && !event.altKey && acts[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  });
  // One pointer moves, two zoom.
  const pointers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const old = pointers.get(event.pointerId);
    if (!old) return;
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    const here = [event.offsetX, event.offsetY];
    pointers.set(event.pointerId, here);
    if (!other) move(here[0] - old[0], here[1] - old[1]);
    else {
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      zoom(apart(here) / apart(old), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
    }
  });
  for (const kind of ["pointerup", "pointercancel"])
    canvas.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  new ResizeObserver(() => { if (canvas.clientWidth !== width) resize(); }).observe(canvas);

  function tell(text) {
    message.textContent = text;
    message.hidden = text === "";
  }

  // Show an inspection; an earlier one that is still loading is dropped.  Returns what is shown,
  // {image, map, ...}, or null.
  async function show(inspection, low, high) {
    const own = ++turn;
    abort.abort();
    abort = new AbortController();
    busy = false;
    wanted = null;
    const unread = inspection?.verdict === "error"
      && !shownByBrowsers.test(inspection.picture || "");
    if (!inspection || !inspection.picture || unread) {
      now = null;
      canvas.removeAttribute("aria-busy");
      replace(scale);
      tell(inspection ? t("vw_no_picture") : "");
      draw();
      return null;
    }
    busy = true;
    canvas.setAttribute("aria-busy", "true");
    canvas.setAttribute("aria-label",
      t("vw_picture_of", inspection.name, (inspection.regions || []).length));
    try {
      const [image, map] = await Promise.all([loadImage(inspection, abort.signal),
        inspection.verdict === "error" ? null
          : fetchMap(inspection.id, abort.signal).catch((error) => {
            if (error.name === "AbortError") throw error;
            return null; /* the photo is shown without a map */
          })]);
      if (own !== turn) return null;
      tell(map || inspection.verdict === "error" ? "" : t("vw_no_map"));
      now = { image, map, width: image.naturalWidth, height: image.naturalHeight,
        regions: inspection.regions, range: [low, high], heat: map && heat(map, low, high) };
      replace(scale, map && legend(low, high, inspection.level ?? NaN));
      view = { scale: 1, x: 0, y: 0 };
      fit = 1;
      busy = false;
      resize();
      if (wanted) zoomTo(wanted);
      return now;
    } catch (error) {
      if (own !== turn || error.name === "AbortError") return null;
      now = null;
      replace(scale);
      tell(error.message);
      draw();
      return null;
    } finally {
      if (own === turn) {
        busy = false;
        canvas.removeAttribute("aria-busy");
      }
    }
  }

  return {
    element, show, zoomTo,
    // Other outlines than the inspection's: segments, or null.
    outlines(segments, level) {
      if (!now) return;
      now.segments = segments;
      draw();
      if (now.map && level !== undefined) replace(scale, legend(...now.range, level));
    },
    end() { turn++; abort.abort(); },
  };
}
