// SPDX-License-Identifier: Apache-2.0
// Elements from JavaScript.  Text always becomes a text node, so names with markup stay text.

// h("button", {class: "x", onclick: f, hidden: true}, "text", child, [children])
export function h(tag, attributes, ...children) {
  const svg = ["svg", "g", "path", "line", "rect", "circle", "polygon", "polyline", "text", "title",
    "image", "defs", "mask"];
  const element = svg.includes(tag) && (tag !== "title" || attributes?.svg)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false || name === "svg") continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function replace(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

// Say something to everyone, screen readers included.
export function say(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  status.className = "shown";
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { status.className = ""; }, 6000);
}
