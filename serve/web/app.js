// SPDX-License-Identifier: Apache-2.0
// The frame of the page: navigation, login, and which screen is shown.
//
// Addresses: #/ (products), #/p/ID/SCREEN with a screen of a product, #/health.  A screen is a
// module with show(main, productId), which may return a function that ends it.
import { get, post, Problem, setWho, who } from "./api.js";
import { h, replace, say } from "./dom.js";
import { problem } from "./parts.js";
import { language, setLanguage, t } from "./strings.js";

const main = document.getElementById("main");
const header = document.getElementById("header");
const general = ["products", "health"];
const ofProduct = ["photos", "fit", "threshold", "areas", "inspect", "history"];
const atTheLine = ["threshold", "inspect", "history", "health"]; // they share their looks
let end = null;
let turn = 0;
let failed = false; // the screen could not be shown
let last = { product: null, name: null };

function place() {
  const match = location.hash.match(/^#\/p\/(\d+)\/(\w+)(?:\/|$)/);
  if (match && ofProduct.includes(match[2])) return { product: Number(match[1]), screen: match[2] };
  const name = location.hash.replace(/^#\/?/, "").split("/")[0];
  return { product: null, screen: name === "" ? "products" : name };
}

function link(href, text, current) {
  return h("a", { href, "aria-current": current ? "page" : undefined }, text);
}

function drawHeader(here, name) {
  const other = language() === "de" ? "en" : "de";
  replace(header,
    h("div", { class: "bar" },
      h("nav", { "aria-label": "fleck" },
        h("a", { class: "brand", href: "#/" },
          h("img", { src: "icon.svg", alt: "fleck", width: 22, height: 22 }),
          h("span", { class: "only-wide", "aria-hidden": "true" }, "fleck")),
        link("#/", t("products"), here.screen === "products"),
        link("#/health", t("health"), here.screen === "health")),
      h("span", { class: "me" },
        h("input", { "aria-label": t("your_name"), placeholder: t("your_name"), value: who(),
          maxlength: 40, autocomplete: "name", onchange: (e) => setWho(e.target.value.trim()) }),
        h("button", { class: "quiet", lang: other, "aria-label": t("language"),
          onclick: () => { setLanguage(other); route(); } },
        h("span", { class: "only-wide" }, t("language")),
        h("span", { class: "only-narrow" }, other.toUpperCase())))),
    name !== null && h("div", { class: "bar product" },
      h("strong", {}, name),
      h("nav", { "aria-label": t("of_product") },
        ofProduct.map((s) => link(`#/p/${here.product}/${s}`, t(s), here.screen === s)))));
  header.querySelector(".product [aria-current]")
    ?.scrollIntoView({ block: "nearest", inline: "center" });
}

async function route() {
  const here = place();
  const own = ++turn;
  if (end) end();
  end = null;
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("skip");
  failed = false;
  replace(main, h("p", { class: "dim" }, t("loading")));
  try {
    const name = here.product === null ? null : (await get(`/products/${here.product}`)).name;
    if (own !== turn) return;
    last = { product: here.product, name };
    drawHeader(here, name);
    if (![...general, ...ofProduct].includes(here.screen)) throw new Error(t("not_found"));
    document.title = [t(here.screen), name, "fleck"].filter(Boolean).join(" – ");
    const screen = await import(`./${here.screen}.js`).catch((error) => {
      throw error instanceof TypeError ? new Problem(0, "") : error; // it could not be loaded
    });
    if (own !== turn) return;
    // Built apart, so that nothing of a screen that was left comes into the next.
    const content = h("div",
      { class: `screen-${here.screen}${atTheLine.includes(here.screen) ? " line" : ""}` });
    replace(main, content);
    const close = (await screen.show(content, here.product)) || null;
    if (own === turn) end = close;
    else if (close) close();
  } catch (error) {
    if (own !== turn) return;
    failed = true;
    drawHeader(here, last.product === here.product ? last.name : null);
    replace(main, h("h1", {}, "fleck"), problem(error));
  }
}

function askToken() {
  const input = h("input", { type: "password", id: "token", autocomplete: "current-password",
    required: true });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("/login", { token: input.value.trim() });
      location.reload();
    } catch (error) { say(error.message); }
  };
  if (main.querySelector("#token")) return; // a wrong one was given
  turn++;
  replace(main, h("h1", {}, t("log_in")), h("form", { class: "login panel", onsubmit: submit },
    h("label", { for: "token" }, t("token")), input,
    h("button", {}, t("log_in")), h("p", { class: "dim" }, t("token_help"))));
  input.focus();
}

// The browser connects again by itself; that it cannot for a while is said.
const gone = h("p", { class: "gone", role: "alert", hidden: true });
main.before(gone);
let goneTimer = null, wasGone = false;
document.addEventListener("fleck-gone", () => {
  wasGone = true;
  goneTimer ??= setTimeout(() => { gone.textContent = t("gone"); gone.hidden = false; }, 4000);
});
document.addEventListener("fleck-back", () => {
  clearTimeout(goneTimer);
  goneTimer = null;
  gone.hidden = true;
  // A module that could not be loaded is not asked for again.
  if (failed && wasGone) location.reload();
  wasGone = false;
});
document.addEventListener("fleck-login", askToken);
window.addEventListener("hashchange", () => {
  route();
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true }); // the next Tab, and a screen reader, go on in the new screen
});
// A photo dropped beside its place must not replace the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (e) => e.preventDefault());
route();
