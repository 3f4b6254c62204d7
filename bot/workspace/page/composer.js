// The message field: text, mention completion, photos by button, paste, drag and drop, and from the tray.

import { local, say } from "./api.js";
import { h, icon, iconButton } from "./dom.js";
import { avatar, outgoing } from "./messages.js";
import { model } from "./model.js";
import { complain } from "./toast.js";
import { words } from "./words.js";

export const TRAY_TYPE = "application/x-workspace-tray";

// options: {id, testids: {text, send, file}, channel, threadTs, onSend(), onSent(reply)}
export function makeComposer(options) {
  const { channel, threadTs } = options;
  const name = model.channelName(channel);
  const draftKey = `draft:${model.me}:${channel.id}:${threadTs ?? ""}`;
  let attached = []; // {file, preview}

  const area = h("textarea", {
    id: options.id, rows: 1, testid: options.testids.text, placeholder: threadTs ? words.reply : words.messageTo(name), "aria-label": threadTs ? words.reply : words.messageTo(name),
    "aria-describedby": `${options.id}-hint`, "aria-autocomplete": "list", value: sessionStorage.getItem(draftKey) ?? "",
  });
  const chips = h("div", { class: "chips" });
  const picker = h("input", { type: "file", multiple: true, accept: "image/*,.heic,.pdf", class: "unseen", tabindex: "-1", testid: options.testids.file, "aria-label": words.attach });
  const send = h("button", { type: "submit", class: "send", testid: options.testids.send, "aria-label": words.send, title: words.send }, icon("send"));
  const completion = makeCompletion(area);

  const form = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); submit(); } }, chips, completion.list, area,
    h("div", { class: "composer-foot" },
      iconButton("clip", words.attach, { testid: `${options.testids.file}-button`, onclick: () => picker.click() }), picker,
      h("span", { class: "hint", id: `${options.id}-hint` }, words.hint), send));

  const refresh = () => {
    send.disabled = !area.value.trim() && !attached.length;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
    sessionStorage.setItem(draftKey, area.value);
  };

  function attach(fileList) {
    for (const file of fileList) {
      const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
      const entry = { file, preview };
      attached.push(entry);
      entry.chip = h("div", { class: "chip" }, preview ? h("img", { src: preview, alt: "" }) : icon("clip"), h("span", {}, file.name),
        iconButton("close", words.removePhoto(file.name), { onclick: () => { drop(entry); area.focus(); } }));
      chips.append(entry.chip);
    }
    refresh();
    area.focus({ preventScroll: true });
  }

  function drop(entry) {
    attached = attached.filter((other) => other !== entry);
    entry.chip.remove();
    if (entry.preview) URL.revokeObjectURL(entry.preview);
    refresh();
  }

  async function submit() {
    const typed = area.value.trim();
    if (!typed && !attached.length) return;
    const sending = attached;
    const command = typed.match(/^(\/[a-z0-9_-]+)\s*(.*)$/s);
    form.setAttribute("aria-busy", "true");
    options.onSend?.(); // an answer may come before the reply that the message was taken
    const done = command && !sending.length
      ? await complain(local("commands", { channel: channel.id, command: command[1], text: command[2] }))
      : await complain(say(channel.id, outgoing(typed), sending.map((a) => a.file), threadTs));
    form.removeAttribute("aria-busy");
    if (!done) return;
    if (area.value.trim() === typed) area.value = "";
    sending.forEach(drop);
    refresh();
    if (document.activeElement === document.body) area.focus(); // the send button had it, and is disabled now
    options.onSent?.(done);
  }

  area.addEventListener("input", () => { refresh(); completion.update(); });
  area.addEventListener("keydown", (event) => {
    if (event.isComposing || completion.key(event)) return; // an input method's own Enter sends nothing
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  });
  area.addEventListener("blur", () => setTimeout(completion.hide, 150));
  area.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      attach(event.clipboardData.files);
    }
  });
  picker.addEventListener("change", () => { attach(picker.files); picker.value = ""; });
  queueMicrotask(refresh);
  return { form, attach, focus: () => area.focus(), put: (text) => { area.value = text; refresh(); area.focus(); } };
}

// A photo of the tray as a file, as if it came from this machine's disk.
export async function trayFile(path) {
  const response = await fetch(`/local/tray/${path.split("/").map(encodeURIComponent).join("/")}`);
  const blob = await response.blob();
  return new File([blob], path.split("/").at(-1), { type: blob.type });
}

// Lets photos be dropped anywhere on an element. hint: the words shown over it meanwhile.
export function acceptDrops(element, hint, composer) {
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === TRAY_TYPE);
  const overlay = h("div", { class: "drop-hint", "aria-hidden": "true" }, icon("down"), h("span", {}, hint));
  element.append(overlay);
  const over = (on) => element.classList.toggle("dropping", on);
  element.ondragenter = (event) => { if (carries(event)) { depth += 1; over(true); event.preventDefault(); } };
  element.ondragover = (event) => { if (carries(event)) { event.dataTransfer.dropEffect = "copy"; event.preventDefault(); } };
  element.ondragleave = (event) => { if (carries(event)) { depth = Math.max(0, depth - 1); over(depth > 0); } };
  element.ondrop = async (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    const path = event.dataTransfer.getData(TRAY_TYPE);
    composer().attach(path ? [await trayFile(path)] : event.dataTransfer.files);
  };
}

// -- @mention completion ------------------------------------------------------------------------------------------------------

function makeCompletion(area) {
  const list = h("ul", { class: "completion", role: "listbox", hidden: true, testid: "mention-list" });
  let chosen = 0;
  let offered = [];

  const hide = () => { list.hidden = true; area.removeAttribute("aria-activedescendant"); };
  const typed = () => area.value.slice(0, area.selectionStart).match(/(?:^|[^\w@])@([a-z0-9._-]*)$/i);

  function draw() {
    list.replaceChildren(...offered.map((o, i) => h("li", {
      id: `${area.id}-option-${i}`, role: "option", "aria-selected": String(i === chosen), onpointerdown: (event) => { event.preventDefault(); pick(o); },
    }, o.userId ? avatar(o.userId, "tiny") : null, h("strong", {}, `@${o.name}`), h("span", { class: "quiet" }, o.more))));
    list.hidden = !offered.length;
    area.setAttribute("aria-activedescendant", `${area.id}-option-${chosen}`);
  }

  function update() {
    const found = typed();
    if (!found) return hide();
    const start = found[1].toLowerCase();
    offered = [
      { name: model.bot.name, userId: model.bot.id, more: words.app },
      ...[...model.people.values()].filter((p) => p.id !== model.me).map((p) => ({ name: p.name, userId: p.id, more: `${model.name(p.id)}, ${words.roles[p.role]}` })),
      ...model.usergroups.map((g) => ({ name: g.handle, more: "" })),
    ].filter((o) => o.name.startsWith(start) || o.more.toLowerCase().includes(start));
    chosen = 0;
    draw();
    return undefined;
  }

  function pick(option) {
    const before = area.value.slice(0, area.selectionStart).replace(/@[a-z0-9._-]*$/i, `@${option.name} `);
    area.value = before + area.value.slice(area.selectionStart).replace(/^ /, "");
    area.setSelectionRange(before.length, before.length);
    hide();
    area.dispatchEvent(new Event("input"));
    area.focus();
  }

  // True when the key was for the list.
  function key(event) {
    if (list.hidden || !offered.length) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + offered.length) % offered.length;
      draw();
    } else if (event.key === "Enter" || event.key === "Tab") pick(offered[chosen]);
    else if (event.key === "Escape") hide();
    else return false;
    event.preventDefault();
    return true;
  }

  return { list, update, key, hide };
}
