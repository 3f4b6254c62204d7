// The page: sidebar, channel, thread, and the live stream that keeps them current.

import { local } from "./api.js";
import { acceptDrops, makeComposer } from "./composer.js";
import { drawBlocks } from "./blocks.js";
import { h, iconButton } from "./dom.js";
import { tone } from "./emoji.js";
import { avatar, continues, drawMessage, walkable } from "./messages.js";
import { drawViews } from "./modal.js";
import { model } from "./model.js";
import { gist } from "./text.js";
import { complain, toast } from "./toast.js";
import { drawTray, loadTray } from "./tray.js";
import { applyLanguage, day, toggleLanguage, words } from "./words.js";

const sidebar = document.getElementById("sidebar");
const channelPane = document.getElementById("channel");
const threadPane = document.getElementById("thread");
const announce = document.getElementById("announce");

let composer = null;
let threadComposer = null;
let lastComposer = () => composer;
let stream = null;
let unreadFrom = null; // where the "New" line goes: what was read last when the channel was opened
let awaited = null; // where a message is being sent, and after which of one's own: its first answer opens its thread
const wide = () => matchMedia("(min-width: 1000px)").matches;

// -- sidebar --------------------------------------------------------------------------------------------------------------------

function drawSidebar() {
  const channels = [...model.channels.values()];
  const entry = (channel) => {
    const unread = channel.id === model.channelId ? 0 : model.unread(channel);
    const label = channel.kind === "im" ? model.name(channel.members.find((m) => m !== model.me)) : channel.name;
    const slug = channel.kind === "im" ? model.bot.name : channel.name;
    return h("li", {}, h("button", {
      type: "button", class: `channel-entry ${unread ? "unread" : ""}`, testid: `channel-${slug}`, "aria-current": channel.id === model.channelId ? "page" : null,
      onclick: () => { openChannel(channel.id); document.body.classList.remove("sidebar-open"); },
    }, channel.kind === "im" ? avatar(channel.members.find((m) => m !== model.me), "tiny") : h("span", { class: "hash", "aria-hidden": "true" }, "#"),
    h("span", { class: "channel-label" }, label), unread ? h("span", { class: "count", "aria-label": words.unread(unread) }, String(unread)) : null));
  };
  const group = (title, members) => [h("h2", {}, title), h("ul", {}, members.map(entry))];
  sidebar.replaceChildren(
    h("div", { class: "workspace-name" }, h("img", { src: "/page/kenpin.svg", alt: "" }), h("strong", {}, model.team.name),
      iconButton("close", words.closeSidebar, { class: "icon-button phone-only", onclick: () => document.body.classList.remove("sidebar-open") })),
    h("div", { class: "sidebar-scroll" }, group(words.channels, channels.filter((c) => c.kind !== "im")), group(words.directMessages, channels.filter((c) => c.kind === "im"))),
    personSwitch(),
    h("button", { type: "button", class: "language", testid: "language", "aria-label": words.languageLabel, onclick: () => { toggleLanguage(); drawAll(); } }, words.language));
}

function personSwitch() {
  return h("fieldset", { class: "people", testid: "person-switch" }, h("legend", {}, words.youAre), [...model.people.values()].map((p) => h("label", { class: "person", title: p.title, testid: `person-${p.name}` },
    h("input", { type: "radio", name: "person", value: p.id, checked: p.id === model.me, onchange: () => become(p.id) }),
    avatar(p.id), h("span", { class: "person-words" }, h("span", { class: "person-name" }, model.name(p.id)), h("span", { class: "person-role" }, words.roles[p.role] ?? p.role)))));
}

async function become(userId) {
  const direct = model.channel()?.kind === "im";
  model.me = userId;
  await load();
  if (direct) model.channelId = model.person().dm;
  if (!model.channel() || !model.channel().messages.has(model.threadTs)) model.threadTs = null;
  drawAll();
  connect();
  sidebar.querySelector("input:checked")?.focus();
}

// -- channel ----------------------------------------------------------------------------------------------------------------------

function openChannel(id, threadTs = null) {
  model.channelId = id;
  model.threadTs = threadTs;
  model.tab = "messages";
  const channel = model.channel();
  if (channel.kind === "im") complain(local("home", { tab: "messages" }));
  drawAll();
  composer?.focus();
}

function drawChannel() {
  const channel = model.channel();
  const name = model.channelName(channel);
  document.title = `${name} | ${model.team.name}`;
  composer = makeComposer({
    id: "composer-text", testids: { text: "composer", send: "composer-send", file: "file-input" }, channel, threadTs: null,
    onSend: () => { awaited = { channel: channel.id, after: newestOwn(channel) }; },
    onSent: () => scrollDown(channelPane),
  });
  const log = stickToEnd(walkable(h("div", { class: "log", role: "region", "aria-label": name, tabindex: "0" })));
  channelPane.replaceChildren(header(channel, name), log, h("div", { class: "bottom" }, prompts(channel), drawTray((files) => lastComposer().attach(files)), composer.form));
  composer.form.addEventListener("focusin", () => { lastComposer = () => composer; });
  acceptDrops(channelPane, words.dropHere(name), () => composer);
  fillChannel();
  scrollDown(channelPane);
}

function header(channel, name) {
  const tabs = channel.kind === "im" && h("div", { class: "tabs", role: "tablist" }, ["messages", "home"].map((tab) => h("button", {
    type: "button", role: "tab", "aria-selected": String(model.tab === tab), testid: `tab-${tab}`,
    onclick: () => { model.tab = tab; complain(local("home", { tab })); drawChannel(); },
  }, words[tab])));
  return h("header", { class: "pane-head" },
    iconButton("menu", words.openSidebar, { class: "icon-button phone-only", testid: "open-sidebar", onclick: () => document.body.classList.add("sidebar-open") }),
    h("div", { class: "pane-title" }, h("h1", {}, name), channel.topic && h("p", {}, channel.topic)), tabs,
    channel.kind !== "im" && h("span", { class: "quiet members" }, words.members(channel.members.length)),
    h("span", { class: "phone-only me" }, avatar(model.me, "small")));
}

function prompts(channel) {
  const offered = model.prompts.get(channel.id)?.prompts ?? [];
  return offered.length ? h("div", { class: "prompts", "aria-label": words.suggested }, offered.map((p) =>
    h("button", { type: "button", class: "button", onclick: () => composer.put(p.message) }, p.title ?? p.message))) : null;
}

function fillChannel() {
  const channel = model.channel();
  const log = channelPane.querySelector(".log");
  if (model.tab === "home" && channel.kind === "im") {
    log.replaceChildren(home());
    return;
  }
  const shown = model.timeline(channel);

  const out = [beginning(channel)];
  let before = null; // the message this one may continue
  let lastDay = "";
  let marked = false;
  for (const message of shown) {
    if (day(message.ts) !== lastDay) {
      lastDay = day(message.ts);
      out.push(h("div", { class: "divider" }, h("span", {}, lastDay)));
      before = null;
    }
    if (!marked && unreadFrom && message.ts > unreadFrom && message.user !== model.me && unreadFrom !== "0") {
      out.push(h("div", { class: "divider new" }, h("span", {}, words.newMessages)));
      marked = true;
      before = null;
    }
    out.push(drawn(channel, message, { compact: continues(message, before), onThread: openThread }));
    const status = model.statuses.get(`${channel.id}/${message.ts}`);
    if (status && model.threadTs !== message.ts) out.push(statusLine(status));
    before = message.reply_count || message.reactions || status ? null : message;
  }
  keepFocus(log, () => log.replaceChildren(...out));
}

function beginning(channel) {
  const name = model.channelName(channel);
  const here = channel.kind === "im" || channel.has_bot;
  return h("div", { class: "beginning" }, channel.kind === "im" ? avatar(channel.members.find((m) => m !== model.me), "large") : h("span", { class: "large hash", "aria-hidden": "true" }, "#"),
    h("h2", {}, words.emptyChannel(name)), h("p", {}, channel.kind === "im" ? words.emptyDm : here ? words.emptyTry : words.noBot),
    !here && h("button", { type: "button", class: "button", testid: "invite", onclick: () => complain(local("invite", { channel: channel.id, invited: model.bot.id })) }, words.invite));
}

function home() {
  const view = [...model.views.values()].find((v) => v.type === "home");
  if (!view) return h("p", { class: "quiet home" }, words.noHome);
  const context = { values: {}, click: (action) => complain(local("actions", { view_id: view.id, state: context.values, ...action })) };
  return h("div", { class: "home" }, drawBlocks(view.blocks, context));
}

function statusLine(status) {
  const text = status.loading_messages?.[0] ?? status.status;
  return h("div", { class: "status", testid: "status" }, avatar(model.bot.id, "tiny"), h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
    h("span", {}, `${model.bot.name} ${text || words.working}`));
}

// -- thread -----------------------------------------------------------------------------------------------------------------------

function openThread(ts, { focus = true } = {}) {
  model.threadTs = ts;
  drawThread();
  fillChannel();
  drawSidebar();
  if (focus) threadComposer?.focus();
}

function closeThread() {
  const ts = model.threadTs;
  model.threadTs = null;
  drawThread();
  fillChannel();
  channelPane.querySelector(`[data-ts="${ts}"] .thread-link`)?.focus();
}

function drawThread() {
  const channel = model.channel();
  threadPane.hidden = !model.threadTs;
  document.body.classList.toggle("thread-open", Boolean(model.threadTs));
  lastComposer = () => composer;
  if (!model.threadTs) {
    threadPane.replaceChildren();
    threadComposer = null;
    return;
  }
  threadComposer = makeComposer({
    id: "thread-text", testids: { text: "thread-composer", send: "thread-send", file: "thread-file-input" }, channel, threadTs: model.threadTs,
    onSent: () => scrollDown(threadPane),
  });
  const title = model.titles.get(`${channel.id}/${model.threadTs}`) ?? words.thread;
  threadPane.setAttribute("aria-label", title);
  threadPane.replaceChildren(
    h("header", { class: "pane-head" }, h("div", { class: "pane-title" }, h("h2", {}, title), h("p", {}, model.channelName(channel))),
      iconButton("close", words.closeThread, { testid: "thread-close", onclick: closeThread })),
    stickToEnd(walkable(h("div", { class: "log", role: "region", "aria-label": title, tabindex: "0" }))), h("div", { class: "bottom" }, threadComposer.form));
  threadComposer.form.addEventListener("focusin", () => { lastComposer = () => threadComposer; });
  acceptDrops(threadPane, words.dropThread, () => threadComposer);
  fillThread();
  scrollDown(threadPane);
}

function fillThread() {
  const log = threadPane.querySelector(".log");
  if (!log) return;
  const channel = model.channel();
  const shown = model.thread(channel, model.threadTs);
  const out = [];
  let before = null;
  for (const [i, message] of shown.entries()) {
    out.push(drawn(channel, message, { inThread: true, compact: i > 1 && continues(message, before) }));
    if (i === 0 && shown.length > 1) out.push(h("div", { class: "divider start" }, h("span", {}, words.replies(channel.messages.get(model.threadTs)?.reply_count ?? 0))));
    before = message;
  }
  const status = model.statuses.get(`${channel.id}/${model.threadTs}`);
  if (status) out.push(statusLine(status));
  keepFocus(log, () => log.replaceChildren(...out));
}

// -- drawing again ----------------------------------------------------------------------------------------------------------------

// Unchanged messages keep their element, so that pictures do not flicker and what is typed into them stays.
const kept = new Map();

function drawn(channel, message, options) {
  const key = `${options.inThread ? "thread" : "channel"}/${channel.id}/${message.ts}`;
  const minute = message.reply_count ? Math.floor(Date.now() / 60_000) : 0;
  const state = JSON.stringify([message, options.compact, model.me, document.documentElement.lang, tone(), minute]);
  const before = kept.get(key);
  if (before?.state === state) return before.node;
  const node = drawMessage(channel, message, options);
  kept.set(key, { state, node });
  return node;
}

// Redrawing a log must not take the focus from a button or an edit in it.
function keepFocus(log, redraw) {
  const active = log.contains(document.activeElement) ? document.activeElement : null;
  const message = active?.closest(".message")?.dataset.ts;
  const mark = active?.dataset.testid;
  const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const top = log.scrollTop;
  redraw();
  log.scrollTop = bottom ? log.scrollHeight : top;
  const again = active?.isConnected ? active : message && mark && log.querySelector(`[data-ts="${message}"] [data-testid="${CSS.escape(mark)}"]`);
  if (again) again.focus({ preventScroll: true });
}

function scrollDown(pane) {
  const log = pane.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
}

// Whoever reads the newest message keeps reading it when pictures arrive or the thread opens beside it.
function stickToEnd(log) {
  let atEnd = true;
  const follow = () => { if (atEnd) log.scrollTop = log.scrollHeight; };
  log.addEventListener("scroll", () => { atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80; });
  log.addEventListener("load", follow, true);
  new ResizeObserver(follow).observe(log);
  return log;
}

function drawAll() {
  applyLanguage();
  const channel = model.channel();
  unreadFrom = model.unread(channel) ? model.lastRead(channel) : null;
  markRead();
  drawSidebar();
  drawChannel();
  drawThread();
  drawViews();
}

function markRead() {
  if (document.visibilityState === "visible") model.markRead(model.channel());
}

// -- live ---------------------------------------------------------------------------------------------------------------------------

const HEARD = {
  message({ channel: id, message }) {
    const channel = model.channels.get(id);
    if (!channel) return;
    const isNew = !channel.messages.has(message.ts);
    channel.messages.set(message.ts, message);
    if (isNew && message.user !== model.me) {
      announce.textContent = words.said(message.username ?? model.name(message.user), gist(message));
      openAwaited(channel, message);
    }
    refresh(id, message.ts, message.thread_ts);
  },
  deleted({ channel: id, ts }) {
    model.channels.get(id)?.messages.delete(ts);
    refresh(id);
  },
  ephemeral({ message }) {
    model.ephemeral.set(message.ts, message);
    announce.textContent = `${words.onlyYou}. ${gist(message)}`;
    if (message.channel !== model.channelId) toast(`${words.onlyYou}: ${gist(message)}`);
    refresh(message.channel);
    document.querySelector(`.whisper[data-ts="${message.ts}"]`)?.scrollIntoView({ block: "nearest" });
  },
  ephemeral_gone({ channel, ts }) {
    model.ephemeral.delete(ts);
    refresh(channel);
  },
  status(status) {
    const key = `${status.channel}/${status.thread_ts}`;
    if (status.status) model.statuses.set(key, status);
    else model.statuses.delete(key);
    if (status.status) announce.textContent = `${model.bot.name} ${status.status}`;
    refresh(status.channel);
  },
  title({ channel, thread_ts, title }) {
    model.titles.set(`${channel}/${thread_ts}`, title);
    if (channel === model.channelId && thread_ts === model.threadTs) threadPane.querySelector("h2").textContent = title;
  },
  prompts(body) {
    model.prompts.set(body.channel, body);
    if (body.channel === model.channelId) {
      channelPane.querySelector(".prompts")?.remove();
      channelPane.querySelector(".bottom").prepend(...[prompts(model.channel())].filter(Boolean));
    }
  },
  view({ view }) {
    model.views.set(view.id, view);
    drawViews();
    if (view.type === "home" && model.tab === "home") fillChannel();
  },
  view_gone({ view_id }) {
    model.views.delete(view_id);
    drawViews();
  },
  async channel() {
    await load();
    drawAll();
  },
};

const newestOwn = (channel) => [...channel.messages.values()].reduce((last, m) => (m.user === model.me && m.ts > last ? m.ts : last), "");

// The first answer to what was just sent opens its thread, so that nobody has to look for it.
function openAwaited(channel, message) {
  if (!awaited || awaited.channel !== channel.id || model.threadTs || !message.thread_ts || !wide()) return;
  const parent = channel.messages.get(message.thread_ts);
  if (parent?.user === model.me && parent.ts > awaited.after && channel.id === model.channelId) {
    awaited = null;
    setTimeout(() => openThread(parent.ts, { focus: false }));
  }
}

let due = 0;
function refresh(channelId) {
  if (channelId !== model.channelId) {
    drawSidebar();
    return;
  }
  markRead();
  cancelAnimationFrame(due);
  due = requestAnimationFrame(() => { fillChannel(); fillThread(); });
}

function connect() {
  stream?.close();
  let lost = null;
  stream = new EventSource(`/local/live?user=${model.me}`);
  stream.onopen = async () => {
    lost?.remove();
    lost = null;
    await load(); // whatever happened before the connection stood, or while it was away
    refresh(model.channelId);
    drawSidebar();
    drawViews();
    document.body.dataset.ready = "true";
  };
  stream.onerror = () => { lost ??= toast(words.reconnecting, 3_600_000); };
  stream.onmessage = (event) => {
    const body = JSON.parse(event.data);
    HEARD[body.kind]?.(body);
  };
}

async function load() {
  model.take(await local(`snapshot${model.me ? `?user=${model.me}` : ""}`));
}

// -- start --------------------------------------------------------------------------------------------------------------------------

function wanted() {
  const query = new URLSearchParams(location.search);
  const ts = query.get("message")?.replace(/^p(\d{10})(\d{6})$/, "$1.$2");
  const channel = model.channels.get(query.get("channel") ?? "");
  if (!channel || !ts) return null;
  return { channel: channel.id, ts, thread: query.get("thread_ts") ?? (channel.messages.get(ts)?.reply_count ? ts : null) };
}

document.addEventListener("visibilitychange", () => { if (model.channel()) { markRead(); drawSidebar(); } });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && model.threadTs && !document.querySelector("dialog[open], .popover") && !channelPane.contains(document.activeElement)) closeThread();
});
// A photo dropped beside the message fields must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

applyLanguage();
try {
  await load();
} catch {
  model.me = ""; // somebody this workspace does not know, from an earlier one
  await load();
}
if (model.tray) await loadTray();
const place = wanted();
model.channelId = place?.channel ?? [...model.channels.keys()][0];
model.threadTs = place?.thread ?? null;
drawAll();
connect();
if (place) document.querySelector(`[data-ts="${place.ts}"]`)?.scrollIntoView({ block: "center" });
