// SPDX-License-Identifier: Apache-2.0
// The frame of the page: navigation, login, and which screen is shown.
//
// Addresses: #/ (products), #/p/ID/fit, #/p/ID/threshold, #/p/ID/inspect, #/p/ID/areas,
// #/p/ID/history, #/health.  A screen is a module with show(main, productId), which may return a
// function that ends it.
import { get, post, setWho, who } from "./api.js";
import { h, replace, say } from "./dom.js";
import { language, setLanguage, t } from "./strings.js";

const main = document.getElementById("main");
const header = document.getElementById("header");
const ofProduct = ["fit", "threshold", "inspect", "areas", "history"];
let end = null;
let turn = 0;

function place() {
  const match = location.hash.match(/^#\/p\/(\d+)\/(\w+)(?:\/|$)/);
  if (match && ofProduct.includes(match[2])) return { product: Number(match[1]), screen: match[2] };
  const name = location.hash.replace(/^#\/?/, "").split("/")[0];
  return { product: null, screen: name === "" ? "products" : name };
}

function link(href, text, current) {
  return h("a", { href, "aria-current": current ? "page" : undefined }, text);
}

async function drawHeader(here) {
  let name = "";
  if (here.product !== null)
    try { name = (await get(`/products/${here.product}`)).name; } catch { name = "?"; }
  replace(header,
    h("nav", { "aria-label": "fleck" },
      link("#/", t("products"), here.screen === "products"),
      link("#/health", t("health"), here.screen === "health"),
      name && h("strong", { class: "product" }, name),
      here.product !== null && ofProduct.map((s) => link(`#/p/${here.product}/${s}`, t(s), here.screen === s))),
    h("span", { class: "me" },
      h("input", { "aria-label": t("your_name"), placeholder: t("your_name"), value: who(), maxlength: 40,
        onchange: (e) => setWho(e.target.value.trim()) }),
      h("button", { class: "plain", lang: language() === "de" ? "en" : "de",
        onclick: () => { setLanguage(language() === "de" ? "en" : "de"); route(); } }, t("language"))));
}

async function route() {
  const here = place();
  const own = ++turn;
  if (end) end();
  end = null;
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("skip");
  replace(main, h("p", {}, t("loading")));
  await drawHeader(here);
  const known = ["products", "health", ...ofProduct];
  if (!known.includes(here.screen)) {
    replace(main, h("p", {}, t("not_found")));
    return;
  }
  document.title = `${t(here.screen)} – fleck`;
  try {
    const screen = await import(`./${here.screen}.js`);
    if (own !== turn) return;
    replace(main);
    end = (await screen.show(main, here.product)) || null;
  } catch (error) {
    if (own === turn) replace(main, h("p", { class: "problem", role: "alert" }, error.message));
  }
}

function askToken() {
  const input = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("/login", { token: input.value.trim() });
      location.reload();
    } catch (error) { say(error.message); }
  };
  turn++;
  replace(main, h("form", { class: "login", onsubmit: submit },
    h("label", { for: "token" }, t("token")), input,
    h("button", {}, t("log_in")), h("p", {}, t("token_help"))));
  input.focus();
}

document.addEventListener("fleck-login", askToken);
window.addEventListener("hashchange", route);
route();
