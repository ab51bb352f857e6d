// SPDX-License-Identifier: Apache-2.0
import { h } from "./dom.js";
import { t } from "./strings.js";

export async function show(main) {
  main.append(h("h1", {}, t("areas")));
}
