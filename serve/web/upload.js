// SPDX-License-Identifier: Apache-2.0
// Sending photos to a product: files that were chosen or dropped, a few at a time.
import { post } from "./api.js";

const AT_ONCE = 3;

// Files of what was dropped, those in folders too.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [];
  const walk = async (entry) => {
    if (entry.isFile) {
      files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    } else {
      const reader = entry.createReader();
      for (;;) { // a call gives at most 100
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (some.length === 0) break;
        for (const each of some) await walk(each);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return entries.length > 0 ? files : [...transfer.files];
}

// Send files to a product.  tell(done, bytes) is called after each; stop.now ends it before the
// next ones.  Resolves to {file, answer} or {file, error} for each that was sent, in order.
export async function send(product, files, tell, stop) {
  const results = [];
  let next = 0, done = 0, bytes = 0;
  async function worker() {
    while (next < files.length && !stop.now) {
      const i = next++;
      const file = files[i];
      const query =
        `name=${encodeURIComponent(file.name)}&modified=${Math.max(file.lastModified, 0)}`;
      try {
        const [answer] = await post(`/products/${product}/photos?${query}`, file);
        results[i] = { file, answer };
      } catch (error) {
        results[i] = { file, error };
      }
      tell(++done, bytes += file.size);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results.filter(Boolean);
}
