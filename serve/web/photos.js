// SPDX-License-Identifier: Apache-2.0
// Photos of good parts: adding them, those that are odd, and which are used.
import { get, patch, post, url } from "./api.js";
import { h, replace, say } from "./dom.js";
import { problem, steps, thumb } from "./parts.js";
import { unlike } from "./robust.js";
import { bytes, number, t } from "./strings.js";
import { dropped, send } from "./upload.js";

const PAGE = 120; // photos shown at first

export async function show(main, id) {
  const [product, system] = await Promise.all([get(`/products/${id}`), get("/system")]);
  const outcome = h("div"), odd = h("div"), all = h("div");
  const made = []; // addresses of pictures of files that were not taken
  let photos = await get(`/products/${id}/photos`);
  let shown = PAGE, sending = null, ended = false;

  // ---- Adding ----

  async function add(files) {
    if (files.length === 0) return;
    if (sending) { say(t("photos_busy")); return; }
    const stop = sending = { now: false };
    const total = files.reduce((sum, f) => sum + f.size, 0);
    const bar = h("progress", { max: total || 1, value: 0, "aria-labelledby": "sent" });
    const text = h("span", { id: "sent" },
      t("photos_progress", 0, files.length, bytes(0), bytes(total)));
    replace(outcome, h("div", { class: "panel" }, text, bar,
      h("button", { class: "plain", onclick: () => { stop.now = true; } }, t("photos_stop"))));
    const results = await send(id, files, (done, sum) => {
      bar.value = sum;
      text.textContent = t("photos_progress", done, files.length, bytes(sum), bytes(total));
    }, stop);
    sending = null;
    if (ended) { // the screen was left
      if (files.length > results.length) say(t("photos_stopped", files.length - results.length));
      return;
    }
    const entries = results.map(({ file, answer, error }) => (answer
      ? { ...answer, source: file }
      : { name: file.name, source: file,
        problem: file.size > system.most_upload ? t("photos_not_sent", bytes(system.most_upload))
          : error.detail || error.message }));
    await tell(entries, files.length - results.length);
  }

  async function take(event) {
    event.preventDefault();
    const folder = event.target.elements.folder.value.trim();
    const button = event.target.querySelector("button");
    button.disabled = true;
    replace(outcome, h("p", { class: "panel" }, t("photos_importing")));
    try {
      await tell(await post(`/products/${id}/import`, { folder }), 0);
    } catch (error) { replace(outcome, problem(error)); }
    button.disabled = false;
  }

  // What became of the files.
  async function tell(entries, unsent) {
    photos = await get(`/products/${id}/photos`);
    if (ended) return;
    const twins = entries.filter((e) => e.duplicate_of);
    const skipped = entries.filter((e) => e.problem && !e.duplicate_of);
    const added = entries.length - twins.length - skipped.length;
    const text = t("photos_result", added, twins.length, skipped.length);
    replace(outcome, h("div", { class: "panel" },
      h("p", { class: "strong" }, text),
      unsent > 0 && h("p", {}, t("photos_stopped", unsent)),
      skipped.length > 0 && list("photos_skipped", skipped, (e) => picture(e.source),
        (e) => e.problem),
      twins.length > 0 && list("photos_duplicates", twins,
        (e) => h("img", { src: thumb(e.duplicate_of), alt: "" }),
        () => null)));
    say(text);
    draw();
  }

  function list(title, entries, image, why) {
    return h("section", { "aria-label": t(title) }, h("h3", {}, `${t(title)} (${entries.length})`),
      h("p", { class: "dim" }, t(`${title}_help`)),
      h("ul", { class: "photos" }, entries.slice(0, PAGE).map((e) => h("li", { class: "shot" },
        image(e), h("span", { class: "name" }, e.name || "…"),
        why(e) && h("span", { class: "why", lang: "en" }, bare(why(e), e.name))))),
      entries.length > PAGE && h("p", { class: "dim" }, `… ${entries.length - PAGE}`));
  }

  // Messages of the library begin with the file's name, which stands above them already.
  const bare = (text, name) => (text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text);

  // The picture of a file that was not taken, where the browser can show it.
  function picture(file) {
    const none = h("span", { class: "no-picture", "aria-hidden": "true" }, "×");
    if (!file || !/^image\/(jpeg|png|webp|gif|bmp)/.test(file.type)) return none;
    const address = URL.createObjectURL(file);
    made.push(address);
    return h("img", { src: address, alt: "", onerror: (e) => e.target.replaceWith(none) });
  }

  // ---- Which are used ----

  async function toggle(photo) {
    const state = photo.state === "in" ? "out" : "in";
    try {
      Object.assign(photo, await patch(`/photos/${photo.id}`, { state }));
    } catch (error) { say(error.message); return; }
    const focused = document.activeElement?.dataset.key;
    draw();
    if (focused) main.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  function reason(r) {
    const value = (x) => (typeof x === "string" ? x : number(x));
    return t(`unlike_${r.what}`, value(r.value), value(r.usual));
  }

  function draw() {
    const found = unlike(photos);
    const strange = photos.filter((p) => found.has(p.id));
    replace(odd, strange.length > 0 && h("section", { class: "panel", "aria-labelledby": "odd" },
      h("h2", { id: "odd" }, `${t("photos_unlike")} (${strange.length})`),
      h("p", { class: "dim" }, t("photos_unlike_help")),
      h("ul", { class: "photos" },
        strange.slice(0, PAGE).map((p) => h("li", { class: `shot ${p.state}` },
          h("a", { href: url(`/photos/${p.id}/file`), target: "_blank" },
            h("img", { src: thumb(p.id), alt: p.name })),
          h("span", { class: "name" }, p.name),
          found.get(p.id).map((r) => h("span", { class: "why" }, reason(r))),
          h("button", { class: "plain", "data-key": `odd-${p.id}`,
            "aria-label": t(p.state === "in" ? "photo_leave_out_of" : "photo_take_in_of", p.name),
            onclick: () => toggle(p) },
            t(p.state === "in" ? "photo_leave_out" : "photo_take_in")))))));
    const used = photos.filter((p) => p.state === "in").length;
    replace(all, h("section", { "aria-labelledby": "all" },
      h("h2", { id: "all" }, t("photos_all")),
      photos.length === 0 ? h("p", { class: "empty" }, t("photos_none")) : [
        h("p", {}, h("strong", {}, t("photos_count", used, photos.length - used)), " ",
          h("span", { class: "dim" }, t("photos_grid_help"))),
        h("ul", { class: "photos" }, photos.slice(0, shown).map((p) => h("li", {},
          h("button", { class: `shot ${p.state}`,
            "aria-pressed": p.state === "in" ? "true" : "false",
            "aria-label": t("photo_use", p.name), title: p.name, "data-key": `all-${p.id}`,
            onclick: () => toggle(p) },
          h("img", { src: thumb(p.id), alt: "", loading: "lazy" }),
          h("span", { class: "name" }, p.name),
          p.state === "out" && h("span", { class: "tag" }, t("photo_out")))))),
        photos.length > shown
          && h("button", { class: "plain", onclick: () => { shown += 4 * PAGE; draw(); } },
            t("photos_more", Math.min(photos.length - shown, 4 * PAGE)))],
      used > 0 && h("p", { class: "row" },
        h("a", { class: "button", href: `#/p/${id}/fit` }, t("photos_next")))));
  }

  // ---- The screen ----

  // A file input that a button opens, since browsers draw file inputs each in its own way.
  const chooser = (key, attributes) => {
    const input = h("input", { type: "file", multiple: true, class: "hidden", tabindex: -1,
      "aria-label": t(key),
      onchange: (e) => { const files = [...e.target.files]; e.target.value = ""; add(files); },
      ...attributes });
    return [input, h("button", { type: "button", onclick: () => input.click() }, t(key))];
  };
  const zone = h("div", { class: "drop",
    ondragover: (e) => { e.preventDefault(); zone.classList.add("over"); },
    ondragleave: () => zone.classList.remove("over"),
    ondrop: async (e) => {
      e.preventDefault();
      zone.classList.remove("over");
      try { add(await dropped(e.dataTransfer)); } catch (error) { say(error.message); }
    } },
  h("p", {}, t("photos_drop")),
  h("div", { class: "row center" }, chooser("photos_files", { id: "files" }),
    chooser("photos_folder", { id: "folder", webkitdirectory: true })));
  const root = system.import_root;
  main.append(h("h1", {}, t("photos")), ...[steps(product, "photos")].filter(Boolean),
    h("section", { "aria-labelledby": "add" }, h("h2", { id: "add" }, t("photos_add")),
      h("p", { class: "dim" }, t("photos_help")), zone,
      root && h("details", {}, h("summary", {}, t("photos_import")),
        h("form", { class: "row", onsubmit: take },
          h("label", { for: "import" }, t("photos_import_label", root)),
          h("input", { id: "import", name: "folder", required: true, autocomplete: "off" }),
          h("button", {}, t("photos_import_go"))))),
    outcome, odd, all);
  draw();
  return () => {
    ended = true;
    if (sending) sending.now = true;
    for (const address of made) URL.revokeObjectURL(address);
  };
}
