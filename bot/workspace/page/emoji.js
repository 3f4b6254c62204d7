// Emoji by their Slack names. The ones this page offers are drawn here, so that a machine without an emoji font shows them too;
// the rest are left to the font.

import { h, svg } from "./dom.js";

const CHARACTERS = {
  "+1": "👍", "-1": "👎", eyes: "👀", white_check_mark: "✅", x: "❌", warning: "⚠️", hourglass_flowing_sand: "⏳", hourglass: "⌛",
  large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠", red_circle: "🔴", large_blue_circle: "🔵", white_circle: "⚪",
  tada: "🎉", heart: "❤️", pray: "🙏", clap: "👏", wave: "👋", ok_hand: "👌", raised_hands: "🙌", raised_hand: "✋", muscle: "💪",
  point_right: "👉", point_up: "☝️", thinking_face: "🤔", smile: "😄", slightly_smiling_face: "🙂", sweat_smile: "😅", joy: "😂",
  cry: "😢", robot_face: "🤖", mag: "🔍", mag_right: "🔎", camera: "📷", memo: "📝", lock: "🔒", no_entry: "⛔", no_entry_sign: "🚫",
  question: "❓", grey_question: "❔", exclamation: "❗", information_source: "ℹ️", bulb: "💡", wrench: "🔧", hammer: "🔨", gear: "⚙️",
  package: "📦", recycle: "♻️", wastebasket: "🗑️", clipboard: "📋", chart_with_upwards_trend: "📈", rotating_light: "🚨",
  octagonal_sign: "🛑", heavy_check_mark: "✔️", heavy_multiplication_x: "✖️", ballot_box_with_check: "☑️", arrow_right: "➡️",
  factory: "🏭", label: "🏷️", pushpin: "📌", link: "🔗", clock3: "🕒", repeat: "🔁", star: "⭐", sparkles: "✨", fire: "🔥", rocket: "🚀",
};
const ALIASES = { thumbsup: "+1", thumbsdown: "-1", green_circle: "large_green_circle", yellow_circle: "large_yellow_circle" };
const BY_CHARACTER = new Map(Object.entries(CHARACTERS).map(([name, character]) => [character.replace("\ufe0f", ""), name]));

export const OFFERED = ["+1", "-1", "eyes", "white_check_mark"];
export const MORE = ["x", "warning", "hourglass_flowing_sand", "red_circle", "large_yellow_circle", "large_green_circle"];
const TONED = new Set(["+1", "-1"]);
const TONES = { 1: "#ffc83d", 2: "#f7d7c4", 3: "#d8b094", 4: "#bb9167", 5: "#8e562e", 6: "#613d30" };

export const tone = () => Number(localStorage.getItem("skin-tone") ?? 1);
export const setTone = (value) => localStorage.setItem("skin-tone", String(value));
export const withTone = (name) => (TONED.has(name) && tone() > 1 ? `${name}::skin-tone-${tone()}` : name);

const HAND = "M8.600 10.700 11.900 3.600c.5-1 1.500-1.400 2.500-1 1.200.500 1.600 1.700 1.300 3L14.900 9.300h4.300c1.600 0 2.600 1.400 2.200 2.900l-1.800 6.500c-.3 1.200-1.300 2-2.500 2H10.800c-.8 0-1.500-.2-2.200-.7z";

function hand(skin, down) {
  return svg("g", down ? { transform: "rotate(180 12 12)" } : {},
    svg("path", { d: HAND, fill: skin, stroke: "#8a5a12", "stroke-width": ".9", "stroke-linejoin": "round" }),
    svg("path", { d: "M14.300 12.500h6 M14.300 15.400h5.200 M14.300 18.200h4.400", stroke: "#8a5a12", "stroke-width": ".8", "stroke-linecap": "round", opacity: ".55" }),
    svg("rect", { x: "2.600", y: "10", width: "5.200", height: "10.800", rx: "1.300", fill: "#2f7fd6" }),
  );
}

const disc = (colour, edge) => () => svg("circle", { cx: "12", cy: "12", r: "9.200", fill: colour, stroke: edge, "stroke-width": "1" });

const DRAWINGS = {
  "+1": (skin) => hand(skin, false),
  "-1": (skin) => hand(skin, true),
  eyes: () => svg("g", {}, ...[6.7, 17.3].map((x) => svg("g", {},
    svg("ellipse", { cx: x, cy: "12", rx: "4.700", ry: "6.600", fill: "#fff", stroke: "#6b7680", "stroke-width": ".9" }),
    svg("circle", { cx: x - 1.3, cy: "13", r: "2.500", fill: "#2b2f33" }),
    svg("circle", { cx: x - 2, cy: "12.100", r: ".8", fill: "#fff" })))),
  white_check_mark: () => svg("g", {}, svg("rect", { x: "2.500", y: "2.500", width: "19", height: "19", rx: "4", fill: "#2e9e57" }),
    svg("path", { d: "m7 12.500 3.400 3.600L17.300 8", fill: "none", stroke: "#fff", "stroke-width": "2.800", "stroke-linecap": "round", "stroke-linejoin": "round" })),
  x: () => svg("path", { d: "M5.500 5.500l13 13 M18.500 5.500l-13 13", stroke: "#d83a3a", "stroke-width": "3.800", "stroke-linecap": "round" }),
  warning: () => svg("g", {}, svg("path", { d: "M12 3 22 20.500H2z", fill: "#f6b73c", stroke: "#a86e00", "stroke-width": "1", "stroke-linejoin": "round" }),
    svg("path", { d: "M12 9.500v5 M12 17.500v.1", stroke: "#3a2a00", "stroke-width": "2.200", "stroke-linecap": "round" })),
  hourglass_flowing_sand: () => svg("g", {}, svg("path", { d: "M6 3h12 M6 21h12", stroke: "#a8632a", "stroke-width": "2.400", "stroke-linecap": "round" }),
    svg("path", { d: "M7.500 4v3.500L12 12l-4.500 4.500V20h9v-3.500L12 12l4.500-4.500V4z", fill: "#e6f1fb", stroke: "#5b7f9e", "stroke-width": "1" }),
    svg("path", { d: "M9 19.500h6l-3-4z M12 12v3", fill: "#e0a83c", stroke: "#e0a83c" })),
  red_circle: disc("#dd3b3b", "#a82424"),
  large_yellow_circle: disc("#f5c63a", "#b48a10"),
  large_orange_circle: disc("#f08a2c", "#b05d0e"),
  large_green_circle: disc("#35a85b", "#1f7a3e"),
  large_blue_circle: disc("#2f7fd6", "#1c5a9e"),
  white_circle: disc("#f4f4f4", "#8a8a8a"),
  mag: () => svg("g", {}, svg("path", { d: "M14.500 14.500 21 21", stroke: "#6b4a2a", "stroke-width": "3", "stroke-linecap": "round" }),
    svg("circle", { cx: "9.800", cy: "9.800", r: "6.600", fill: "#d9eefb", stroke: "#5a6b78", "stroke-width": "1.800" })),
  lock: () => svg("g", {}, svg("path", { d: "M8 11V8a4 4 0 0 1 8 0v3", fill: "none", stroke: "#7a828a", "stroke-width": "2.200" }),
    svg("rect", { x: "5", y: "10.500", width: "14", height: "10.500", rx: "2", fill: "#f2b544", stroke: "#a8761a", "stroke-width": "1" })),
  no_entry: () => svg("g", {}, svg("circle", { cx: "12", cy: "12", r: "9.500", fill: "#d83a3a" }), svg("rect", { x: "6", y: "10.200", width: "12", height: "3.600", rx: ".8", fill: "#fff" })),
};

// A drawing (or the character) of an emoji such as "+1" or "+1::skin-tone-3"; the name in colons when nobody knows it.
export function emoji(fullName) {
  const [given, toneName] = fullName.split("::");
  const name = ALIASES[given] ?? given;
  const level = toneName ? Number(toneName.replace("skin-tone-", "")) : 1;
  const character = CHARACTERS[name];
  const label = `:${fullName}:`;
  if (DRAWINGS[name]) return svg("svg", { viewBox: "0 0 24 24", class: "emoji", role: "img", "aria-label": character ?? label }, DRAWINGS[name](TONES[level]));
  return h("span", { class: "emoji-character", title: label }, character ?? label);
}

const CHARACTER_PATTERN = new RegExp([...BY_CHARACTER.keys()].map((c) => `${c}(?:[\\u{1f3fb}-\\u{1f3ff}]|\\ufe0f)?`).join("|"), "gu");

// Plain text with emoji characters in it -> text nodes and drawings.
export function emojify(text) {
  const out = [];
  let at = 0;
  for (const found of text.matchAll(CHARACTER_PATTERN)) {
    if (found.index > at) out.push(text.slice(at, found.index));
    const points = [...found[0]];
    const shade = points[1]?.codePointAt(0) ?? 0;
    const name = BY_CHARACTER.get(points[0]);
    out.push(emoji(shade >= 0x1f3fb && shade <= 0x1f3ff ? `${name}::skin-tone-${shade - 0x1f3fb + 2}` : name));
    at = found.index + found[0].length;
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}
