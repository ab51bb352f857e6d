// SPDX-License-Identifier: Apache-2.0
// All products: a card each, and making, renaming and archiving them.
import { get, listen, patch, post } from "./api.js";
import { h, replace, say } from "./dom.js";
import { ask, mark, problem } from "./parts.js";
import { number, percent, t, time } from "./strings.js";

export async function show(main) {
  const shelf = h("div", { class: "cards" });
  const trouble = h("div");
  const archived = h("input", { type: "checkbox", id: "archived", onchange: () => draw() });
  const cards = new Map(); // id: {text, element}
  let timer = null, ended = false;

  async function draw() {
    const products = await get(`/products?archived=${archived.checked ? 1 : 0}`);
    if (ended) return;
    const seen = new Set(products.map((p) => p.id));
    for (const [id, card] of cards) if (!seen.has(id)) { card.element.remove(); cards.delete(id); }
    products.forEach((product, i) => {
      // A card that did not change stays, so that focus and open menus do.
      const text = JSON.stringify(product);
      const old = cards.get(product.id);
      if (!old || old.text !== text) {
        const element = card(product, draw);
        const focused = old?.element.contains(document.activeElement)
          && document.activeElement.dataset.key;
        if (old) old.element.replaceWith(element);
        if (focused) element.querySelector(`[data-key="${focused}"]`)?.focus();
        cards.set(product.id, { text, element });
      }
      const { element } = cards.get(product.id);
      if (shelf.children[i] !== element) shelf.insertBefore(element, shelf.children[i] || null);
    });
    replace(trouble, products.length === 0 && h("p", { class: "empty" }, t("products_none")));
  }

  async function make() {
    const name = await ask({ title: t("product_new"), label: t("product_name"),
      help: t("product_name_help"), action: t("product_make") });
    if (!name) return;
    try {
      const product = await post("/products", { name });
      location.hash = `#/p/${product.id}/photos`;
    } catch (error) { replace(trouble, problem(error)); }
  }

  main.append(h("div", { class: "head" }, h("h1", {}, t("products")),
    h("button", { onclick: make }, t("product_new"))),
    trouble, shelf,
    h("p", { class: "check" }, archived, h("label", { for: "archived" }, t("products_archived"))));
  await draw();
  const stop = listen((kind) => {
    if (kind === "hello") return;
    if (timer === null) timer = setTimeout(() => { timer = null; draw().catch(() => {}); }, 1000);
  });
  return () => { ended = true; stop(); clearTimeout(timer); };
}

function card(product, changed) {
  const day = product.day;
  const judged = day.good + day.defective;
  const next = product.photos === 0 ? "photos" : product.current_model === null ? "fit" : "inspect";
  const archives = t(product.archived ? "product_restore" : "product_archive");
  const link = (screen) =>
    h("a", { href: `#/p/${product.id}/${screen}`, "data-key": screen }, t(screen));
  return h("article", { class: "card", "aria-labelledby": `product-${product.id}` },
    h("h2", { id: `product-${product.id}` },
      h("a", { href: `#/p/${product.id}/${next}`, "data-key": "name" }, product.name),
      product.archived && h("span", { class: "tag" }, t("product_archived"))),
    h("p", { class: "dim" }, product.version === null ? t("product_no_model")
      : t("product_version", product.version), " · ", t("product_photos", product.photos)),
    h("h3", {}, t("last_verdicts")),
    product.last.length === 0 ? h("p", { class: "dim" }, t("last_none")) : verdicts(product.last),
    h("h3", {}, t("day")),
    h("div", { class: "day" },
      h("dl", { class: "figures" },
        figure(t("day_inspected"), number(day.inspected, 6)),
        figure(t("day_defective"), number(day.defective, 6)),
        day.failed > 0 && figure(t("day_failed"), number(day.failed, 6)),
        figure(t("day_rate"), judged > 0 ? percent(day.defective / judged) : "–")),
      trend(product.hours)),
    h("div", { class: "row" },
      h("a", { class: "button", href: `#/p/${product.id}/${next}`, "data-key": "next" },
        product.current_model === null ? `${t("product_go")}: ${t(next)}` : t(next)),
      product.current_model !== null && [link("history"), link("photos")]),
    h("div", { class: "row small" },
      h("button", { class: "quiet", "data-key": "rename",
        "aria-label": `${t("product_rename")}: ${product.name}`,
        onclick: () => rename(product, changed) }, t("product_rename")),
      h("button", { class: "quiet", "data-key": "archive",
        "aria-label": `${archives}: ${product.name}`,
        onclick: () => archive(product, changed) }, archives)));
}

const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function verdicts(last) {
  return h("ul", { class: "marks", "aria-label": t("last_verdicts") }, last.map((i) =>
    h("li", { title: `${t(`verdict_${i.verdict}`)}: ${i.name}, ${time(i.time)}` }, mark(i.verdict),
      h("span", { class: "hidden" }, t(`verdict_${i.verdict}`)))));
}

// Defect rate by hour; hours without inspections are gaps.
function trend(hours) {
  if (hours.length < 2) return null;
  const rates = hours.map((x) => x.defective / x.inspected);
  const top = Math.max(...rates, 0.01);
  return h("svg", { class: "trend", viewBox: "0 0 96 32", role: "img",
    "aria-label": t("trend_label", hours.length, percent(Math.min(...rates)),
      percent(Math.max(...rates)), percent(rates.at(-1))) },
  h("title", { svg: true }, t("trend_title")),
  h("line", { x1: 0, x2: 96, y1: 31.5, y2: 31.5 }),
  hours.map((x, i) => h("rect", { x: (23 - Math.min(x.ago, 23)) * 4, width: 3,
    y: 31 - (rates[i] / top) * 29, height: Math.max((rates[i] / top) * 29, 0.6) })));
}

async function rename(product, changed) {
  const name = await ask({ title: t("product_rename"), label: t("product_name"),
    value: product.name, action: t("save") });
  if (!name || name === product.name) return;
  try {
    await patch(`/products/${product.id}`, { name });
    await changed();
  } catch (error) { say(error.message); }
}

async function archive(product, changed) {
  if (!product.archived
    && !await ask({ title: t("product_archive"), text: t("product_archive_ask", product.name),
      action: t("product_archive") })) return;
  try {
    await patch(`/products/${product.id}`, { archived: !product.archived });
    await changed();
  } catch (error) { say(error.message); }
}
