// The bot's modals: drawn as dialogs, submitted and closed as Slack does.

import { local } from "./api.js";
import { drawBlocks } from "./blocks.js";
import { h, iconButton } from "./dom.js";
import { model } from "./model.js";
import { complain } from "./toast.js";
import { words } from "./words.js";

const open = new Map(); // view id -> dialog

export function drawViews() {
  for (const [id, dialog] of open) {
    if (!model.views.has(id)) {
      open.delete(id);
      dialog.close();
    }
  }
  for (const view of model.views.values()) {
    if (view.type === "modal" && open.get(view.id)?.dataset.hash !== view.hash) show(view);
  }
}

function show(view) {
  open.get(view.id)?.remove();
  const context = { values: {}, click: (action) => complain(local("actions", { view_id: view.id, state: context.values, ...action })) };
  const cancel = () => complain(local("views/close", { view_id: view.id }));
  const dialog = h("dialog", { class: "modal", testid: "modal", "data-hash": view.hash, "aria-label": view.title.text, oncancel: (event) => { event.preventDefault(); cancel(); } },
    h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); submit(view, context, dialog); } },
      h("div", { class: "modal-head" }, h("h2", {}, view.title.text), iconButton("close", words.close, { onclick: cancel })),
      h("div", { class: "modal-body" }, drawBlocks(view.blocks, context)),
      h("div", { class: "modal-foot" },
        h("button", { type: "button", class: "button", testid: "modal-close", onclick: cancel }, view.close?.text ?? words.cancel),
        view.submit && h("button", { type: "submit", class: "button primary", testid: "modal-submit" }, view.submit.text))));
  open.set(view.id, dialog);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

async function submit(view, context, dialog) {
  for (const place of dialog.querySelectorAll(".input-error")) place.textContent = "";
  try {
    await local("views/submit", { view_id: view.id, values: context.values });
  } catch (error) {
    const errors = error.body?.errors;
    if (!errors) {
      complain(Promise.reject(error));
      return;
    }
    for (const [block, text] of Object.entries(errors)) {
      const place = dialog.querySelector(`[data-block="${CSS.escape(block)}"] .input-error`);
      if (place) place.textContent = text;
    }
  }
}
