// SPDX-License-Identifier: Apache-2.0
// Statistics that a few odd values do not move.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// {middle, spread}: the median, and the median absolute deviation scaled to a standard deviation.
// Values that hardly differ would make a spread of almost nothing: it is at least 1 % of the
// median.
export function middle(values) {
  const m = median(values);
  const mad = median(values.map((v) => Math.abs(v - m)));
  return { middle: m, spread: Math.max(1.4826 * mad, Math.abs(m) * 0.01, 1e-9) };
}

const FAR = 6; // spreads
const LEAST = 8; // with fewer values nothing can be called odd

// The values that are far above the others, as indices, highest first.
export function farAbove(values) {
  if (values.length < LEAST) return [];
  const { middle: m, spread } = middle(values);
  return values.map((v, i) => [v, i]).filter(([v]) => v > m + FAR * spread)
    .sort((a, b) => b[0] - a[0]).map(([, i]) => i);
}

// Photos that are unlike the others: Map from id to reasons {what, value, usual}; what is "size",
// or light, contrast or sharpness with "_low" or "_high".  Those that are left out are judged by
// the ones that are in.
export function unlike(photos) {
  const found = new Map();
  const note = (photo, reason) => found.set(photo.id, [...(found.get(photo.id) || []), reason]);
  const inside = photos.filter((p) => p.state === "in");
  if (inside.length < LEAST) return found;
  const size = (p) => `${p.width} x ${p.height}`;
  const counts = new Map();
  for (const p of inside) counts.set(size(p), (counts.get(size(p)) || 0) + 1);
  const usual = [...counts].sort((a, b) => b[1] - a[1])[0];
  for (const p of photos)
    if (size(p) !== usual[0] && usual[1] * 2 > inside.length)
      note(p, { what: "size", value: size(p), usual: usual[0] });
  for (const what of ["light", "contrast", "sharpness"]) {
    const { middle: m, spread } = middle(inside.map((p) => p[what]));
    for (const p of photos)
      if (Math.abs(p[what] - m) > FAR * spread)
        note(p, { what: `${what}_${p[what] < m ? "low" : "high"}`, value: p[what], usual: m });
  }
  return found;
}
