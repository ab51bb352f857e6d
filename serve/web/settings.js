// SPDX-License-Identifier: Apache-2.0
// Fields for the settings of a fit, from the library's table.
import { h } from "./dom.js";
import { has, t } from "./strings.js";

// A form's part for all settings that a page may set.  `given`: those of the last fit.  Returns
// {element, values()}; values() has those that differ from their defaults.
export function settingsForm(table, given, changed) {
  const fields = [];
  const groups = new Map();
  for (const setting of table.settings) {
    if (setting.closed || setting.list) continue;
    const field = fieldOf(setting, table, given[setting.name], changed);
    fields.push(field);
    groups.set(setting.group, [...(groups.get(setting.group) || []), field.element]);
  }
  const element = h("div", {}, [...groups].map(([group, elements]) =>
    h("fieldset", {}, h("legend", {}, has(`group_${group}`) ? t(`group_${group}`) : group),
      h("div", { class: "settings" }, elements))));
  const values = () =>
    Object.fromEntries(fields.map((f) => [f.name, f.value()]).filter(([, v]) => v !== undefined));
  return { element, values, reset: () => { for (const f of fields) f.reset(); changed(); } };
}

function fieldOf(setting, table, given, changed) {
  const { name, value: form, initial } = setting;
  const id = `setting-${name}`;
  const about = { id, "aria-describedby": `${id}-help`, onchange: changed };
  const label = h("label", { for: id }, name);
  const help = h("span", { class: "dim", id: `${id}-help` },
    has(`setting_${name}`) ? t(`setting_${name}`) : h("span", { lang: "en" }, setting.help),
    initial !== null && form !== null && ` (${t("fit_default_is", initial)})`);
  if (form === null) { // a switch
    const box = h("input", { type: "checkbox", ...about,
      checked: given === true || given === "true" });
    return { name,
      element: h("div", { class: "setting" }, h("div", { class: "check" }, box, label), help),
      value: () => (box.checked ? true : undefined), reset: () => { box.checked = false; } };
  }
  const choices = choicesOf(setting, table);
  const input = choices
    ? h("select", about, h("option", { value: "" }, t("fit_default")),
      choices.map(([choice, text, off]) => h("option", { value: choice, disabled: off }, text)))
    : h("input", { ...about, placeholder: initial ?? "", autocomplete: "off",
      inputmode: form === "N" ? "numeric" : undefined });
  input.value = given === undefined || given === null ? "" : String(given);
  if (input.selectedIndex === -1) input.selectedIndex = 0;
  return { name, element: h("div", { class: "setting" }, label, help, input),
    value: () => (input.value.trim() === "" || input.value.trim() === initial ? undefined
      : input.value.trim()),
    reset: () => { input.value = ""; } };
}

// [value, text, disabled] of settings that have a fixed set of them, else null.
function choicesOf({ name, value }, table) {
  if (name === "method") return table.methods.map((m) => [m.name, m.title]);
  if (name === "backbone")
    return table.backbones.map((b) => [b.name,
      b.installed ? b.title : `${b.title} (${t("not_installed")})`, !b.installed]);
  return /^[a-z|0-9]+$/.test(value) && value.includes("|")
    ? value.split("|").map((v) => [v, v]) : null;
}

// What another fit would take, from fits that are done.  Settings that cost no time do not matter.
const CHEAP = ["threads", "false-alarms", "sigma", "pool", "max-memory"];
const costly = (settings) => JSON.stringify(Object.entries(settings || {})
  .filter(([name, value]) => !CHEAP.includes(name) && value !== "" && value !== false)
  .map(([k, v]) => [k, String(v)]).sort());

// {n, from, seconds: [least, most], memory}; null: nothing is known.
export function estimate(jobs, product, photos, settings) {
  const usable = jobs.filter((j) => j.photos > 0 && j.seconds > 0);
  const alike = usable.filter((j) => costly(j.settings) === costly(settings));
  const [from, chosen] = [["same", alike.filter((j) => j.product === product)], ["settings", alike],
    ["other", usable]]
    .find(([, list]) => list.length > 0) || [];
  if (!chosen) return null;
  const last = chosen.slice(0, 10);
  const seconds = last.map((j) => (j.seconds / j.photos) * photos);
  const memory = last.filter((j) => j.memory > 0)
    .map((j) => j.memory * Math.max(photos / j.photos, 1));
  return { n: last.length, from, seconds: [Math.min(...seconds), Math.max(...seconds)],
    memory: memory.length > 0 ? Math.max(...memory) : null };
}
