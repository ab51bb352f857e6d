// SPDX-License-Identifier: Apache-2.0
// All texts of the page, in English and German.  {0}, {1} stand for values.

const texts = {
  products: ["Products", "Produkte"],
  fit: ["Fit", "Anlernen"],
  threshold: ["Threshold", "Schwelle"],
  inspect: ["Inspect", "Prüfen"],
  areas: ["Areas", "Bereiche"],
  history: ["History", "Verlauf"],
  health: ["Health", "Zustand"],
  skip: ["Skip to content", "Zum Inhalt"],
  your_name: ["Your name", "Ihr Name"],
  token: ["Token", "Token"],
  log_in: ["Log in", "Anmelden"],
  token_help: ["fleck serve printed the token when it was started with --new-token.",
    "fleck serve hat das Token beim Start mit --new-token ausgegeben."],
  loading: ["Loading …", "Lädt …"],
  not_found: ["There is no such page.", "Diese Seite gibt es nicht."],
  language: ["Deutsch", "English"],
};

let index = (localStorage.getItem("fleck-language") || navigator.language || "en").startsWith("de") ? 1 : 0;
export const language = () => (index === 1 ? "de" : "en");
export function setLanguage(name) {
  localStorage.setItem("fleck-language", name);
  index = name === "de" ? 1 : 0;
}

export function t(key, ...values) {
  const pair = texts[key];
  if (!pair) throw new Error(`no text "${key}"`);
  return pair[index].replace(/\{(\d)\}/g, (_, i) => values[i]);
}

export const number = (x, digits = 3) => (x === null || x === undefined ? "–"
  : new Intl.NumberFormat(language(), { maximumSignificantDigits: digits }).format(x));
export const time = (text) => (text ? new Date(text).toLocaleString(language()) : "–");
