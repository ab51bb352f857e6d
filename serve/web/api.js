// SPDX-License-Identifier: Apache-2.0
// Requests to the service, and its events.

import { has, t } from "./strings.js";

const base = "/api/v1";
export const url = (path) => base + path;

// What failed and what to do, in the page's language; detail is the service's message, in English.
// Status 0: there was no answer.
export class Problem extends Error {
  constructor(status, detail) {
    const about = t(has(`err_${status}`) ? `err_${status}` : "err_other");
    super(detail ? `${about} ${detail}` : about);
    Object.assign(this, { status, detail, about });
  }
}

// The name that stands beside changes.
export const who = () => localStorage.getItem("fleck-who") || "";
export const setWho = (name) => localStorage.setItem("fleck-who", name);

async function request(method, path, body, options = {}) {
  const headers = { "X-Fleck-Who": encodeURIComponent(who()) };
  if (body !== undefined && !(body instanceof Blob) && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(base + path, { method, headers, body, signal: options.signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem(0, "");
  }
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("fleck-login"));
  if (!answer.ok) {
    let detail = answer.statusText;
    try { detail = (await answer.json()).detail || detail; } catch { /* no JSON */ }
    throw new Problem(answer.status, detail);
  }
  if (options.raw) return answer;
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, options) => request("GET", path, undefined, options);
export const post = (path, body, options) => request("POST", path, body, options);
export const put = (path, body, options) => request("PUT", path, body, options);
export const patch = (path, body) => request("PATCH", path, body);
export const remove = (path) => request("DELETE", path);

// Listen to events: f(kind, data).  Returns a function that ends it.
const listeners = new Set();
let source = null;
export function listen(f) {
  listeners.add(f);
  if (!source) {
    source = new EventSource(base + "/events");
    for (const kind of ["hello", "missed", "job", "inspection", "product", "model"])
      source.addEventListener(kind, (event) => {
        const data = JSON.parse(event.data);
        if (kind === "hello") document.dispatchEvent(new CustomEvent("fleck-back"));
        for (const each of [...listeners]) each(kind, data);
      });
    source.addEventListener("error", () => document.dispatchEvent(new CustomEvent("fleck-gone")));
  }
  return () => listeners.delete(f);
}
