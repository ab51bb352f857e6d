// SPDX-License-Identifier: Apache-2.0
// Parts that several screens show.
import { h } from "./dom.js";
import { t } from "./strings.js";

// Ask in a dialog; with a label, for a text.  Resolves to the text, true, or null for no.
export function ask({ title, text, label, help, value = "", action, danger }) {
  return new Promise((resolve) => {
    const input = label && h("input", { id: "ask-text", value, required: true, maxlength: 200,
      autocomplete: "off", "aria-describedby": help ? "ask-help" : undefined });
    let answer = null;
    const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title",
      onclose: () => { dialog.remove(); resolve(answer); } },
      h("form", { onsubmit: (event) => {
        event.preventDefault();
        answer = input ? input.value.trim() : true;
        dialog.close();
      } },
      h("h2", { id: "ask-title" }, title),
      text && h("p", {}, text),
      input && [h("label", { for: "ask-text" }, label), input],
      help && h("p", { class: "dim", id: "ask-help" }, help),
      h("div", { class: "row end" },
        h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, t("cancel")),
        h("button", { class: danger ? "danger" : undefined }, action))));
    document.body.append(dialog);
    dialog.showModal();
    if (input) input.select();
  });
}

// The way from photos to inspections, as long as there is no model.
export function steps(product, current) {
  if (product.current_model !== null) return null;
  return h("ol", { class: "steps", "aria-label": t("steps") },
    ["photos", "fit", "threshold", "inspect"].map((name, i) =>
      h("li", { "aria-current": name === current ? "step" : undefined },
        h("span", { class: "count", "aria-hidden": "true" }, i + 1), t(name))));
}

export const thumb = (id) => `/api/v1/photos/${id}/thumb.jpg`;

// A mark of a verdict: colours and shapes differ.
export function mark(verdict) {
  const shapes = {
    good: () => h("circle", { cx: 6, cy: 6, r: 5 }),
    defective: () => h("path", { d: "M6 0 12 6 6 12 0 6Z" }),
    none: () => h("circle", { cx: 6, cy: 6, r: 4, fill: "none", "stroke-width": 2 }),
    error: () => h("path", { d: "M6 1 12 11 0 11Z" }),
  };
  return h("svg", { class: `mark ${verdict}`, viewBox: "0 0 12 12", width: 12, height: 12,
    "aria-hidden": "true" },
    (shapes[verdict] || shapes.none)());
}

// An error where it happened.
export function problem(error) {
  return h("p", { class: "problem", role: "alert" },
    error.about ? [error.about, " ", h("span", { lang: "en" }, error.detail)]
      : error.message || String(error));
}

// A message of the service that was stored, in English, after a text that tells what it is about.
export const because = (key, message) => h("p", { class: "problem" }, t(key), " ",
  h("span", { lang: "en" }, message));

// Run f while the button waits; errors go into the element `where`.
export async function busy(button, where, f) {
  button.disabled = true;
  where.replaceChildren();
  try {
    return await f();
  } catch (error) {
    where.append(problem(error));
    return undefined;
  } finally {
    button.disabled = false;
  }
}
