// Slack's three ways of writing text, as elements: mrkdwn, rich_text blocks, and Markdown. Everything ends up in text nodes.

import { h } from "./dom.js";
import { emoji, emojify } from "./emoji.js";
import { model } from "./model.js";

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

const safeLink = (url) => (/^(https?:|mailto:)/i.test(url) ? url : null);

function link(url, content) {
  const address = safeLink(url);
  return address ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, content) : h("span", {}, content);
}

const mention = (text, mine) => h("span", { class: mine ? "mention mine" : "mention" }, text);
const userMention = (id) => mention(`@${id === model.bot.id ? model.bot.name : model.people.get(id)?.name ?? id}`, id === model.me);
const channelMention = (id) => mention(`#${model.channels.get(id)?.name ?? id}`);
const groupMention = (id) => mention(`@${model.usergroups.find((g) => g.id === id)?.handle ?? id}`);

const INLINE = new RegExp([
  "(?<code>`[^`\\n]+`)",
  "(?<entity><[^<>\\n]+>)",
  "(?<emoji>:[a-z0-9_+'-]+(?:::skin-tone-[2-6])?:)",
  "(?<![\\w*])\\*(?<bold>[^*\\n]+)\\*(?![\\w*])",
  "(?<![\\w_])_(?<italic>[^_\\n]+)_(?![\\w_])",
  "(?<![\\w~])~(?<strike>[^~\\n]+)~(?![\\w~])",
].join("|"), "g");

function inline(text) {
  const out = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    out.push(...emojify(unescape(text.slice(at, found.index))));
    out.push(piece(found.groups));
    at = found.index + found[0].length;
  }
  out.push(...emojify(unescape(text.slice(at))));
  return out;
}

function piece({ code, entity, emoji: named, bold, italic, strike }) {
  if (code) return h("code", {}, unescape(code.slice(1, -1)));
  if (named) return emoji(named.slice(1, -1));
  if (bold) return h("strong", {}, inline(bold));
  if (italic) return h("em", {}, inline(italic));
  if (strike) return h("s", {}, inline(strike));
  const [target, label] = entity.slice(1, -1).split("|");
  if (target.startsWith("@")) return userMention(target.slice(1));
  if (target.startsWith("#")) return channelMention(target.slice(1));
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9));
  if (target.startsWith("!date^")) return moment(target, unescape(label ?? ""));
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`, true);
  return link(unescape(target), unescape(label ?? target.replace(/^mailto:/, "")));
}

// <!date^SECONDS^{time}|fallback>: a moment in the reader's own time zone; the fallback for a token this page does not know.
function moment(target, fallback) {
  const [, seconds, format = "{date} {time}"] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  const shown = format
    .replace("{time}", () => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }))
    .replace(/\{date(?:_num|_short|_long|_pretty)?\}/, () => at.toLocaleDateString());
  return h("time", { class: "moment", datetime: at.toISOString() }, shown.includes("{") ? fallback : shown);
}

// Slack's mrkdwn: fences, quotes, lines.
export function mrkdwn(text) {
  const out = [];
  for (const [i, part] of text.split("```").entries()) {
    if (i % 2) out.push(h("pre", {}, unescape(part.replace(/^\n|\n$/g, ""))));
    else if (part.trim() || !i) out.push(...paragraphs(part.replace(/^\n+|\n+$/g, "")));
  }
  return h("div", { class: "text" }, out);
}

function paragraphs(text) {
  const out = [];
  for (const line of text.split("\n")) {
    const quoted = line.startsWith("&gt;") || line.startsWith(">");
    const content = inline(quoted ? line.replace(/^(&gt;|>) ?/, "") : line);
    const last = out.at(-1);
    const same = last && (last.tagName === "BLOCKQUOTE") === quoted;
    if (same) last.append(h("br"), ...content);
    else out.push(h(quoted ? "blockquote" : "div", {}, content));
  }
  return out;
}

// A text object of Block Kit.
export function textObject(object) {
  if (!object) return null;
  return object.type === "mrkdwn" ? mrkdwn(object.text) : h("span", {}, inlineEmoji(object.text));
}

export function inlineEmoji(text) {
  return text.split(/(:[a-z0-9_+'-]+(?:::skin-tone-[2-6])?:)/).flatMap((part, i) => (i % 2 ? [emoji(part.slice(1, -1))] : emojify(part)));
}

// -- rich_text ------------------------------------------------------------------------------------------------------------

export const richText = (block) => h("div", { class: "text" }, (block.elements ?? []).map(richSection));

function richSection(section) {
  const content = () => (section.elements ?? []).map(richElement);
  switch (section.type) {
    case "rich_text_preformatted": return h("pre", {}, content());
    case "rich_text_quote": return h("blockquote", {}, content());
    case "rich_text_list": return h(section.style === "ordered" ? "ol" : "ul", { class: `indent-${section.indent ?? 0}` },
      (section.elements ?? []).map((item) => h("li", {}, richSection(item))));
    default: return h("div", {}, content());
  }
}

function richElement(element) {
  switch (element.type) {
    case "text": return styled(broken(element.text), element.style);
    case "link": return styled([link(element.url, element.text ?? element.url)], element.style);
    case "user": return userMention(element.user_id);
    case "channel": return channelMention(element.channel_id);
    case "usergroup": return groupMention(element.usergroup_id);
    case "broadcast": return mention(`@${element.range}`, true);
    case "emoji": return emoji(element.skin_tone ? `${element.name}::skin-tone-${element.skin_tone}` : element.name);
    case "date": return element.fallback ?? new Date(element.timestamp * 1000).toLocaleString();
    default: return element.text ?? "";
  }
}

const broken = (text) => text.split("\n").flatMap((line, i) => (i ? [h("br"), ...emojify(line)] : emojify(line)));

function styled(content, style = {}) {
  const tags = [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]].filter(([name]) => style[name]);
  return tags.length ? tags.reduce((inner, [, tag]) => h(tag, {}, inner), content) : content;
}

// -- Markdown: the part of it that bots write ----------------------------------------------------------------------------------

const MARKDOWN = /(?<code>`[^`\n]+`)|\[(?<label>[^\]\n]+)\]\((?<url>[^)\s]+)\)|(?<entity><[@#!][^<>\n]+>)|(?<emoji>:[a-z0-9_+'-]+:)|\*\*(?<bold>[^*\n]+)\*\*|__(?<bold2>[^_\n]+)__|(?<![\w*])\*(?<italic>[^*\n]+)\*|(?<![\w_])_(?<italic2>[^_\n]+)_(?![\w_])|~~(?<strike>[^~\n]+)~~/g;

function markdownInline(text) {
  const out = [];
  let at = 0;
  for (const found of text.matchAll(MARKDOWN)) {
    out.push(...emojify(text.slice(at, found.index)));
    const g = found.groups;
    if (g.url) out.push(link(g.url, g.label));
    else if (g.bold ?? g.bold2) out.push(h("strong", {}, markdownInline(g.bold ?? g.bold2)));
    else if (g.italic ?? g.italic2) out.push(h("em", {}, markdownInline(g.italic ?? g.italic2)));
    else if (g.strike) out.push(h("s", {}, markdownInline(g.strike)));
    else out.push(piece(g));
    at = found.index + found[0].length;
  }
  out.push(...emojify(text.slice(at)));
  return out;
}

export function markdown(text) {
  const out = [];
  for (const [i, part] of text.split("```").entries()) {
    if (i % 2) out.push(h("pre", {}, part.replace(/^\w*\n|\n$/g, "")));
    else out.push(...markdownLines(part));
  }
  return h("div", { class: "text" }, out);
}

function markdownLines(text) {
  const out = [];
  let list = null;
  for (const line of text.split("\n")) {
    const item = line.match(/^\s*(?:[-*•]|(\d+)[.)])\s+(.*)$/);
    if (item) {
      const tag = item[1] ? "OL" : "UL";
      if (list?.tagName !== tag) out.push((list = h(tag)));
      list.append(h("li", {}, markdownInline(item[2])));
      continue;
    }
    list = null;
    const heading = line.match(/^#{1,6}\s+(.*)$/);
    const quote = line.match(/^>\s?(.*)$/);
    if (heading) out.push(h("div", { class: "heading" }, markdownInline(heading[1])));
    else if (quote) out.push(h("blockquote", {}, markdownInline(quote[1])));
    else if (/^\s*(-{3,}|\*{3,})\s*$/.test(line)) out.push(h("hr"));
    else if (line.trim()) out.push(h("div", {}, markdownInline(line)));
    else if (out.length && out.at(-1).className !== "gap") out.push(h("div", { class: "gap" }));
  }
  return out;
}

// What a message says in one line, for the live region and for previews.
export function gist(message) {
  const text = (message.text ?? "").replace(/<@([A-Z0-9]+)[^>]*>/g, (_, id) => `@${model.people.get(id)?.name ?? model.bot.name}`).replace(/<([^|>]+\|)?([^>]+)>/g, "$2");
  return unescape(text).slice(0, 200) || (message.files ?? []).map((f) => f.title ?? "").join(", ");
}
