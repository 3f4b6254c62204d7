// Short notices in the corner, and the words for what went wrong.

import { h } from "./dom.js";
import { words } from "./words.js";

export function toast(text, lasts_ms = 6000) {
  const node = h("div", { class: "toast", testid: "toast" }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), lasts_ms);
  return node;
}

// Wait for something; say so when it fails. Resolves to undefined then.
export async function complain(promise) {
  try {
    return await promise;
  } catch (error) {
    toast(words.failed(error.message));
    return undefined;
  }
}
