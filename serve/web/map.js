// SPDX-License-Identifier: Apache-2.0
// Anomaly maps: their values, colours and outlines.
import { get } from "./api.js";

const mostSide = 1500; // pixels that a screen shows

// The library's colour map at 21 places, which are joined by straight lines.
const places = ("0c091f 140f34 1e154a 2a195c 3b1d6d 51207a 672182 822185 9c2184 b4277c cb3171 "
  + "dd3f64 ec5258 f76752 fd7d50 ff944c ffac3e ffc230 ffd74a ffe97f fefbbc").split(" ")
  .map((text) => [0, 2, 4].map((i) => parseInt(text.slice(i, i + 2), 16)));

export function colour(v) {
  const x = Math.min(Math.max(v, 0), 1) * (places.length - 1);
  const i = Math.min(Math.floor(x), places.length - 2);
  return places[i].map((c, k) => c + (places[i + 1][k] - c) * (x - i));
}

// The map of an inspection: {data, width, height}.  Of a larger image it has the maximum over each
// of its cells.
export async function fetchMap(id, signal) {
  const answer = await get(`/inspections/${id}/map?as=f32&most=${mostSide}`, { raw: true, signal });
  const [width, height] = answer.headers.get("X-Fleck-Size").split("x").map(Number);
  return { data: new Float32Array(await answer.arrayBuffer()), width, height };
}

export function highest(map) {
  let most = -Infinity;
  for (const v of map.data) if (v > most) most = v;
  return most;
}

// A picture of the map, at most `most` pixels wide and high.  Cold places are transparent, as in
// the library's heat maps.
export function heat(map, low, high, most = 900) {
  const step = Math.max(1, Math.max(map.width, map.height) / most);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor(map.width / step));
  canvas.height = Math.max(1, Math.floor(map.height / step));
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const range = high > low ? high - low : 1;
  const table = Array.from({ length: 256 }, (_, i) => colour(i / 255));
  let to = 0;
  for (let y = 0; y < canvas.height; y++) {
    const row = Math.floor((y + 0.5) * step) * map.width;
    for (let x = 0; x < canvas.width; x++, to += 4) {
      const at = map.data[row + Math.floor((x + 0.5) * step)];
      const v = Math.min(Math.max((at - low) / range, 0), 1);
      const c = table[Math.round(v * 255)];
      image.data[to] = c[0];
      image.data[to + 1] = c[1];
      image.data[to + 2] = c[2];
      image.data[to + 3] = v <= 0.15 ? 0 : Math.min(1, (v - 0.15) / 0.1) * 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// The same map with at most `most` columns and rows, each cell with its maximum, so that nothing
// above a level is lost.
function coarse(map, most) {
  if (map.coarse || Math.max(map.width, map.height) <= most) return map.coarse || map;
  const step = Math.max(map.width, map.height) / most;
  const width = Math.max(1, Math.floor(map.width / step)),
    height = Math.max(1, Math.floor(map.height / step));
  const data = new Float32Array(width * height).fill(-Infinity);
  for (let y = 0, from = 0; y < map.height; y++) {
    const row = Math.floor(y * height / map.height) * width;
    for (let x = 0; x < map.width; x++, from++) {
      const to = row + Math.floor(x * width / map.width);
      if (map.data[from] > data[to]) data[to] = map.data[from];
    }
  }
  map.coarse = { data, width, height };
  return map.coarse;
}

// Where the map crosses the level, as segments [x1, y1, x2, y2] in its pixels: marching squares
// over a grid of at most `most` columns and rows.
export function outline(map, level, most = 480) {
  const { data, width: nx, height: ny } = coarse(map, most);
  const across = map.width / nx, down = map.height / ny;
  const at = (i, k) => (i < 0 || k < 0 || i >= nx || k >= ny ? -Infinity : data[k * nx + i]);
  const px = (i) => (i + 0.5) * across, py = (k) => (k + 0.5) * down;
  // The crossing between two neighbours; outside the image all is below.
  const cut = (a, b) => (Number.isFinite(a) && Number.isFinite(b) && a !== b
    ? (level - a) / (b - a) : 0.5);
  const segments = [];
  for (let k = -1; k < ny; k++)
    for (let i = -1; i < nx; i++) {
      const a = at(i, k), b = at(i + 1, k), c = at(i + 1, k + 1), d = at(i, k + 1);
      const kind = (a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3);
      if (kind === 0 || kind === 15) continue;
      const top = [px(i + cut(a, b)), py(k)], right = [px(i + 1), py(k + cut(b, c))];
      const bottom = [px(i + cut(d, c)), py(k + 1)], left = [px(i), py(k + cut(a, d))];
      const add = (p, q) => segments.push([p[0], p[1], q[0], q[1]]);
      if (kind === 1 || kind === 14) add(left, top);
      else if (kind === 2 || kind === 13) add(top, right);
      else if (kind === 3 || kind === 12) add(left, right);
      else if (kind === 4 || kind === 11) add(right, bottom);
      else if (kind === 6 || kind === 9) add(top, bottom);
      else if (kind === 7 || kind === 8) add(left, bottom);
      else { // two opposite corners
        add(left, kind === 5 ? bottom : top);
        add(right, kind === 5 ? top : bottom);
      }
    }
  return segments;
}
