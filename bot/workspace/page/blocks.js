// Block Kit as elements. `context` says where the blocks stand: how a click is sent, and the values of inputs so far.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { gallery } from "./lightbox.js";
import { model } from "./model.js";
import { inlineEmoji, markdown, richText, textObject } from "./text.js";
import { words } from "./words.js";

// context: {click(action) -> Promise, values: {block_id: {action_id: state}}}
export const drawBlocks = (blocks, context) => h("div", { class: "blocks" }, blocks.map((block) => drawBlock(block, context)));

function drawBlock(block, context) {
  const draw = BLOCKS[block.type];
  return draw ? draw(block, context) : h("div", { class: "quiet" }, words.cannotShow);
}

const BLOCKS = {
  section: (block, context) => h("div", { class: "block section" },
    h("div", { class: "section-main" }, block.text && textObject(block.text),
      block.fields && h("div", { class: "fields" }, block.fields.map((f) => h("div", { class: "field" }, textObject(f))))),
    block.accessory && h("div", { class: "accessory" }, drawElement(block.accessory, block, context))),
  header: (block) => h("div", { class: "block header", role: "heading", "aria-level": "3" }, inlineEmoji(block.text.text)),
  divider: () => h("hr", { class: "block" }),
  context: (block) => h("div", { class: "block context" }, block.elements.map((e) => (e.type === "image"
    ? h("img", { class: "context-image", src: address(e), alt: e.alt_text }) : h("span", {}, textObject(e))))),
  image: (block) => h("div", { class: "block" }, block.title && h("div", { class: "image-title" }, inlineEmoji(block.title.text)), gallery([blockPhoto(block)])),
  actions: (block, context) => h("div", { class: "block actions" }, block.elements.map((e) => drawElement(e, block, context))),
  context_actions: (block, context) => h("div", { class: "block actions" }, block.elements.map((e) => drawElement(e, block, context))),
  rich_text: (block) => h("div", { class: "block" }, richText(block)),
  markdown: (block) => h("div", { class: "block" }, markdown(block.text)),
  input: (block, context) => input(block, context),
  task_card: (block) => task(block),
  plan: (block) => h("div", { class: "block plan" }, h("div", { class: "heading" }, block.title?.text ?? block.title), (block.tasks ?? []).map(task)),
  table: (block) => h("div", { class: "block scroll" }, h("table", {}, block.rows.map((row, i) => h("tr", {}, row.map((cell) =>
    h(i ? "td" : "th", {}, cell.type === "rich_text" ? richText(cell) : cell.text ?? "")))))),
};

function task(block) {
  const state = { complete: "white_check_mark", error: "x", in_progress: null, pending: null }[block.status];
  const mark = state ? emoji(state) : h("span", { class: block.status === "in_progress" ? "spinner" : "dot", "aria-hidden": "true" });
  return h("div", { class: "task" }, h("div", { class: "task-title" }, mark, h("span", {}, block.title?.text ?? block.title)),
    block.details && h("div", { class: "task-details" }, richText(block.details)),
    block.output && h("div", { class: "task-details" }, richText(block.output)));
}

function address(image) {
  if (image.image_url) return image.image_url;
  const reference = image.slack_file?.id ?? image.slack_file?.url?.match(/-(F[A-Z0-9]+)\//)?.[1];
  return `/local/picture/${reference}/720`;
}

function blockPhoto(block) {
  const small = address(block);
  const reference = small.match(/^\/local\/picture\/(F[A-Z0-9]+)\//)?.[1];
  const name = block.title?.text ?? block.alt_text;
  return { small, large: small.replace(/\/720$/, "/2048"), name, alt: block.alt_text, download: reference && `/local/download/${reference}` };
}

// -- interactive elements ---------------------------------------------------------------------------------------------------

function drawElement(element, block, context) {
  const draw = ELEMENTS[element.type];
  return draw ? draw(element, block, context) : h("span", { class: "quiet" }, words.cannotShow);
}

const ELEMENTS = {
  image: (element) => gallery([blockPhoto(element)]),
  button: (element, block, context) => button(element, block, context),
  static_select: (element, block, context) => select(element, block, context, element.options ?? element.option_groups?.flatMap((g) => g.options) ?? []),
  users_select: (element, block, context) => select(element, block, context, [...model.people.values()].map((p) => ({ value: p.id, text: { type: "plain_text", text: p.real_name } })), "selected_user"),
  overflow: (element, block, context) => select(element, block, context, element.options ?? []),
  radio_buttons: (element, block, context) => choices("radio", element, block, context),
  checkboxes: (element, block, context) => choices("checkbox", element, block, context),
  datepicker: (element, block, context) => field("date", element, block, context, "selected_date", element.initial_date),
  timepicker: (element, block, context) => field("time", element, block, context, "selected_time", element.initial_time),
  plain_text_input: (element, block, context) => field(element.multiline ? "textarea" : "text", element, block, context, "value", element.initial_value),
  number_input: (element, block, context) => field("number", element, block, context, "value", element.initial_value),
  email_text_input: (element, block, context) => field("email", element, block, context, "value", element.initial_value),
  url_text_input: (element, block, context) => field("url", element, block, context, "value", element.initial_value),
};

function button(element, block, context) {
  const node = h("button", {
    type: "button", class: `button ${element.style ?? ""}`, testid: `button-${element.action_id}`, "aria-label": element.accessibility_label,
    onclick: async () => {
      if (element.url) window.open(element.url, "_blank", "noopener");
      if (element.confirm && !(await confirmed(element.confirm))) return;
      node.setAttribute("aria-busy", "true");
      node.disabled = true;
      try {
        await context.click({ action_id: element.action_id, block_id: block.block_id });
      } finally {
        node.disabled = false;
        node.removeAttribute("aria-busy");
      }
    },
  }, inlineEmoji(element.text.text));
  return node;
}

// A confirm dialog of Block Kit, also used for the page's own question.
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "modal small", onclose: () => { resolve(dialog.returnValue === "yes"); dialog.remove(); } },
      h("h2", {}, inlineEmoji(confirm.title.text)), h("div", { class: "modal-body" }, textObject(confirm.text)),
      h("div", { class: "modal-foot" },
        h("button", { type: "button", class: "button", testid: "confirm-deny", onclick: () => dialog.close("no") }, confirm.deny.text),
        h("button", { type: "button", class: `button ${confirm.style ?? "primary"}`, testid: "confirm-yes", onclick: () => dialog.close("yes") }, confirm.confirm.text)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

function keep(context, block, element, state) {
  context.values[block.block_id] ??= {};
  context.values[block.block_id][element.action_id] = { type: element.type, ...state };
}

// Outside of inputs a change is an action of its own.
function changed(context, block, element, state) {
  keep(context, block, element, state);
  if (block.type !== "input" || block.dispatch_action) context.click({ action_id: element.action_id, block_id: block.block_id, ...state });
}

const optionOf = (option) => ({ text: option.text, value: option.value });

function select(element, block, context, options, key = "selected_option") {
  const initial = element.initial_option?.value ?? element.initial_user ?? "";
  const pick = (value) => (key === "selected_option" ? { selected_option: optionOf(options.find((o) => o.value === value)) } : { [key]: value });
  keep(context, block, element, initial ? pick(initial) : { [key]: null });
  return h("select", {
    class: "select", testid: `select-${element.action_id}`, "aria-label": element.placeholder?.text ?? block.label?.text ?? words.choose,
    onchange: (event) => event.target.value && changed(context, block, element, pick(event.target.value)),
  }, h("option", { value: "" }, element.placeholder?.text ?? words.choose),
  options.map((o) => h("option", { value: o.value, selected: o.value === initial }, o.text.text)));
}

function choices(kind, element, block, context) {
  const initial = new Set((element.initial_options ?? [element.initial_option]).filter(Boolean).map((o) => o.value));
  const group = `${block.block_id}-${element.action_id}-${Math.random()}`;
  const boxes = element.options.map((o) => h("input", { type: kind, name: group, value: o.value, checked: initial.has(o.value) }));
  const picked = () => {
    const options = element.options.filter((_, i) => boxes[i].checked).map(optionOf);
    return kind === "radio" ? { selected_option: options[0] ?? null } : { selected_options: options };
  };
  keep(context, block, element, picked());
  for (const box of boxes) box.addEventListener("change", () => changed(context, block, element, picked()));
  return h("div", { class: "choices", role: kind === "radio" ? "radiogroup" : "group" },
    element.options.map((o, i) => h("label", {}, boxes[i], h("span", {}, textObject(o.text), o.description && h("small", {}, textObject(o.description))))));
}

function field(kind, element, block, context, key, initial) {
  keep(context, block, element, { [key]: initial ?? null });
  const attributes = {
    class: "field-input", testid: `input-${element.action_id}`, placeholder: element.placeholder?.text, value: initial ?? "", "aria-label": block.label?.text,
    oninput: (event) => keep(context, block, element, { [key]: event.target.value || null }),
    onchange: (event) => block.type !== "input" && changed(context, block, element, { [key]: event.target.value || null }),
  };
  return kind === "textarea" ? h("textarea", { rows: 4, ...attributes }) : h("input", { type: kind, ...attributes });
}

function input(block, context) {
  return h("div", { class: "block input", "data-block": block.block_id },
    h("label", { class: "input-label" }, inlineEmoji(block.label.text), block.optional ? h("span", { class: "quiet" }, ` ${words.optional}`) : null),
    drawElement(block.element, block, context),
    block.hint && h("div", { class: "quiet" }, inlineEmoji(block.hint.text)),
    h("div", { class: "input-error", role: "alert" }));
}

