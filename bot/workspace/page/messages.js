// One message: who, when, what, its photos, its reactions, and what can be done with it.

import { local, slack } from "./api.js";
import { confirmed, drawBlocks } from "./blocks.js";
import { h, icon, iconButton } from "./dom.js";
import { emoji, MORE, OFFERED, setTone, tone, withTone } from "./emoji.js";
import { filePhoto, gallery } from "./lightbox.js";
import { model } from "./model.js";
import { mrkdwn } from "./text.js";
import { complain } from "./toast.js";
import { ago, clock, fullTime, language, words } from "./words.js";

const GROUP_S = 300; // messages of one person within five minutes stand under one name

export function avatar(userId, size = "") {
  if (userId === model.bot.id) return h("img", { class: `avatar ${size}`, src: "/page/kenpin.svg", alt: "" });
  const person = model.people.get(userId);
  const initials = (person?.real_name ?? "?").split(" ").map((word) => word[0]).join("");
  const node = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, initials);
  node.style.backgroundColor = `#${person?.color ?? "666666"}`;
  return node;
}

// Whether a message can go under the name of the one before.
export const continues = (message, before) => Boolean(before) && before.user === message.user && !message.is_ephemeral && !before.is_ephemeral
  && Number(message.ts) - Number(before.ts) < GROUP_S && !message.subtype && !before.subtype && message.username === before.username;

// options: {compact, inThread, onThread(ts), onEdit(message)}
export function drawMessage(channel, message, options = {}) {
  if (message.subtype === "tombstone") {
    return h("article", { class: "message gone", testid: "message", "data-ts": message.ts, tabindex: "-1" }, h("span", { class: "quiet" }, words.deleted), threadLink(message, options));
  }
  const name = message.username ?? model.name(message.user);
  const person = model.people.get(message.user);
  const head = h("div", { class: "message-head" },
    h("span", { class: "author" }, name),
    message.bot_id ? h("span", { class: "badge" }, words.app) : person && h("span", { class: "role" }, words.roles[person.role] ?? person.role),
    h("time", { title: fullTime(message.ts), datetime: new Date(Number(message.ts) * 1000).toISOString() }, clock(message.ts)));
  const body = h("div", { class: "message-body" },
    message.is_ephemeral && h("div", { class: "only-you" }, icon("eye"), words.onlyYou),
    !options.compact && head,
    content(channel, message),
    files(message),
    reactions(channel, message),
    !options.inThread && threadLink(message, options));
  const side = options.compact
    ? h("time", { class: "side-time", "aria-hidden": "true", title: fullTime(message.ts) }, clock(message.ts))
    : avatar(message.user);
  return h("article", {
    class: `message ${options.compact ? "compact" : ""} ${message.is_ephemeral ? "whisper" : ""}`,
    testid: message.is_ephemeral ? "ephemeral" : "message",
    "data-ts": message.ts, "data-user": message.user, tabindex: "-1", "aria-label": `${name}, ${clock(message.ts)}`,
  }, side, body, !message.is_ephemeral && toolbar(channel, message, options));
}

function content(channel, message) {
  const context = { values: {}, click: (action) => complain(local("actions", { channel: channel.id, ts: message.ts, state: context.values, ...action })) };
  const edited = message.edited && !message.bot_id && h("span", { class: "quiet edited" }, words.edited);
  const drawn = message.blocks?.length ? drawBlocks(message.blocks, context) : message.text && mrkdwn(message.text);
  return h("div", { class: message.streaming_state === "in_progress" ? "content streaming" : "content" }, drawn, edited,
    (message.attachments ?? []).map((a) => attachment(a, context)));
}

function attachment(given, context) {
  const node = h("div", { class: "attachment" },
    given.pretext && mrkdwn(given.pretext), given.title && h("div", { class: "heading" }, given.title),
    given.text && mrkdwn(given.text), given.blocks && drawBlocks(given.blocks, context),
    given.fields && h("div", { class: "fields" }, given.fields.map((f) => h("div", { class: "field" }, h("strong", {}, f.title), mrkdwn(f.value ?? "")))),
    !given.text && !given.blocks && given.fallback && mrkdwn(given.fallback), given.footer && h("div", { class: "quiet" }, given.footer));
  if (/^#?[0-9a-f]{6}$/i.test(given.color ?? "")) node.style.borderInlineStartColor = `#${given.color.replace("#", "")}`;
  return node;
}

function files(message) {
  const all = message.files ?? [];
  const photos = all.filter((f) => f.original_w);
  const others = all.filter((f) => !f.original_w);
  return [
    photos.length ? gallery(photos.map(filePhoto)) : null,
    ...others.map((f) => (f.mode === "tombstone"
      ? h("div", { class: "file quiet" }, words.fileGone)
      : h("a", { class: "file", href: `/local/download/${f.id}`, download: f.name }, icon("down"), h("span", {}, f.title || f.name), h("small", {}, f.pretty_type)))),
  ];
}

function threadLink(message, options) {
  if (options.inThread || !message.reply_count) return null;
  return h("button", { type: "button", class: "thread-link", testid: "thread-link", onclick: () => options.onThread(message.ts) },
    message.reply_users.slice(0, 4).map((u) => avatar(u, "tiny")), h("strong", {}, words.replies(message.reply_count)),
    h("span", { class: "quiet" }, words.lastReply(ago(message.latest_reply))));
}

// -- reactions ----------------------------------------------------------------------------------------------------------------

function reactions(channel, message) {
  if (!message.reactions?.length) return null;
  const list = new Intl.ListFormat(language);
  return h("div", { class: "reactions" }, message.reactions.map((r) => {
    const mine = r.users.includes(model.me);
    const label = words.reactions(`:${r.name}:`, r.count, list.format(r.users.map(model.name)));
    return h("button", {
      type: "button", class: mine ? "pill mine" : "pill", testid: `reaction-${r.name}`, "aria-pressed": String(mine), "aria-label": label, title: label,
      onclick: () => toggle(channel, message, r.name),
    }, emoji(r.name), h("span", {}, String(r.count)));
  }));
}

function toggle(channel, message, name) {
  const mine = message.reactions?.find((r) => r.name === name)?.users.includes(model.me);
  complain(slack(mine ? "reactions.remove" : "reactions.add", { channel: channel.id, timestamp: message.ts, name }));
}

// -- what can be done with a message ----------------------------------------------------------------------------------------------

function toolbar(channel, message, options) {
  const react = (name) => h("button", {
    type: "button", class: "icon-button", testid: `react-${name}`, "aria-label": words.react(`:${name}:`), title: words.react(`:${name}:`),
    onclick: () => toggle(channel, message, withTone(name)),
  }, emoji(withTone(name)));
  const mine = message.user === model.me;
  const bar = h("div", { class: "toolbar", role: "toolbar", "aria-label": words.doWith }, OFFERED.map(react),
    iconButton("smile", words.moreReactions, { testid: "react-more", "aria-haspopup": "true", onclick: (event) => more(event.currentTarget, channel, message) }),
    !options.inThread && iconButton("thread", words.replyInThread, { testid: "reply-in-thread", onclick: () => options.onThread(message.thread_ts ?? message.ts) }),
    mine && !message.files && iconButton("edit", words.edit, { testid: "edit", onclick: (event) => edit(event.currentTarget.closest(".message"), channel, message) }),
    mine && iconButton("bin", words.remove, { testid: "delete", onclick: () => remove(channel, message) }));
  for (const button of bar.children) button.tabIndex = -1; // in the Tab order only while the message has the focus
  return bar;
}

// Arrow keys go from message to message; Tab then reaches what can be done with that one.
export function walkable(log) {
  const messages = () => [...log.querySelectorAll(":scope > .message")];
  const open = (message, on) => {
    for (const button of message?.querySelectorAll(".toolbar button") ?? []) button.tabIndex = on ? 0 : -1;
  };
  log.addEventListener("focusin", (event) => open(event.target.closest(".message"), true));
  log.addEventListener("focusout", (event) => {
    const message = event.target.closest(".message");
    if (!message?.contains(event.relatedTarget)) open(message, false);
  });
  log.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || (event.target !== log && !event.target.classList.contains("message"))) return;
    const all = messages();
    const at = all.indexOf(event.target);
    const next = at < 0 ? all.at(-1) : all[Math.min(all.length - 1, Math.max(0, at + step))];
    event.preventDefault();
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  });
  return log;
}

function more(anchor, channel, message) {
  const close = () => { menu.remove(); anchor.focus(); };
  const menu = h("div", { class: "popover", role: "dialog", "aria-label": words.moreReactions },
    h("div", { class: "emoji-row" }, [...OFFERED, ...MORE].map((name) => h("button", {
      type: "button", class: "icon-button", "aria-label": words.react(`:${name}:`), onclick: () => { close(); toggle(channel, message, withTone(name)); },
    }, emoji(withTone(name))))),
    h("div", { class: "tone-row", role: "radiogroup", "aria-label": words.skinTone }, [1, 2, 3, 4, 5, 6].map((level) => h("button", {
      type: "button", class: "icon-button tone", role: "radio", "aria-checked": String(tone() === level), testid: `skin-tone-${level}`,
      "aria-label": words.tone(level > 1 ? level - 1 : 0),
      onclick: () => { setTone(level); menu.remove(); more(anchor, channel, message); },
    }, emoji(level > 1 ? `+1::skin-tone-${level}` : "+1")))));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  document.querySelector(".popover")?.remove();
  anchor.closest(".message").append(menu);
  menu.querySelector("button").focus();
  setTimeout(() => document.addEventListener("pointerdown", (event) => menu.contains(event.target) || menu.remove(), { once: true }));
}

function edit(node, channel, message) {
  const shown = node.querySelector(".content");
  const text = (message.text ?? "").replace(/<@([A-Z0-9]+)>/g, (all, id) => `@${id === model.bot.id ? model.bot.name : model.people.get(id)?.name ?? id}`)
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const area = h("textarea", { class: "field-input", rows: 3, "aria-label": words.edit, value: text });
  const save = async () => complain(slack("chat.update", { channel: channel.id, ts: message.ts, text: outgoing(area.value) }));
  shown.replaceChildren(area, h("div", { class: "edit-foot" },
    h("button", { type: "button", class: "button", onclick: () => { shown.replaceWith(content(channel, message)); } }, words.cancel),
    h("button", { type: "button", class: "button primary", onclick: save }, words.save)));
  area.focus();
}

async function remove(channel, message) {
  const yes = await confirmed({
    title: { text: words.remove }, text: { type: "plain_text", text: words.removeAsk }, style: "danger",
    confirm: { text: words.removeYes }, deny: { text: words.cancel },
  });
  if (yes) complain(slack("chat.delete", { channel: channel.id, ts: message.ts }));
}

// What a person typed -> Slack's text: control characters escaped, @names and #channels as references.
export function outgoing(text) {
  const names = new Map([[model.bot.name, model.bot.id], ...[...model.people.values()].map((p) => [p.name, p.id])]);
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replace(/(^|[^\w@])@([a-z0-9._-]+)/gi, (all, before, name) => {
      const id = names.get(name.toLowerCase());
      const group = model.usergroups.find((g) => g.handle === name.toLowerCase());
      if (id) return `${before}<@${id}>`;
      return group ? `${before}<!subteam^${group.id}>` : all;
    })
    .replace(/(^|\s)#([a-z0-9_-]+)/gi, (all, before, name) => {
      const channel = [...model.channels.values()].find((c) => c.name === name);
      return channel ? `${before}<#${channel.id}|${name}>` : all;
    });
}

