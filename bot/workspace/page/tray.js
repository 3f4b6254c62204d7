// The tray: photos of a folder, offered above the message field, to be dragged or clicked into a message.

import { local } from "./api.js";
import { TRAY_TYPE, trayFile } from "./composer.js";
import { h, icon } from "./dom.js";
import { complain } from "./toast.js";
import { words } from "./words.js";

let photos = null;

export async function loadTray() {
  photos = (await complain(local("tray")))?.photos ?? [];
}

// attach(files): where a clicked photo goes.
export function drawTray(attach) {
  if (photos === null) return null;
  const chosen = localStorage.getItem("tray") ?? (matchMedia("(max-width: 720px)").matches ? "closed" : "open");
  const groups = Map.groupBy ? Map.groupBy(photos, (p) => p.caption) : grouped(photos);
  const strip = h("div", { class: "tray-strip", role: "group", "aria-label": words.trayHint, tabindex: "-1" }, photos.length
    ? [...groups].map(([caption, members]) => h("div", { class: "tray-group" },
      h("div", { class: "tray-caption" }, caption || words.photo),
      h("div", { class: "tray-photos" }, members.map((p) => trayPhoto(p, attach)))))
    : h("span", { class: "quiet" }, words.trayEmpty));
  return h("details", { class: "tray", testid: "tray", open: chosen === "open", ontoggle: (event) => localStorage.setItem("tray", event.target.open ? "open" : "closed") },
    h("summary", {}, icon("tray"), h("strong", {}, words.tray), h("span", { class: "quiet" }, words.trayHint), icon("chevron")), strip);
}

function grouped(list) {
  const groups = new Map();
  for (const photo of list) groups.set(photo.caption, [...(groups.get(photo.caption) ?? []), photo]);
  return groups;
}

function trayPhoto(photo, attach) {
  return h("button", {
    type: "button", class: "tray-photo", testid: "tray-photo", draggable: "true", "data-path": photo.path,
    title: photo.path, "aria-label": words.attachNamed(photo.path),
    ondragstart: (event) => { event.dataTransfer.setData(TRAY_TYPE, photo.path); event.dataTransfer.effectAllowed = "copy"; },
    onclick: async () => attach([await trayFile(photo.path)]),
  }, h("img", { src: `/local/tray/${photo.path.split("/").map(encodeURIComponent).join("/")}?side=160`, alt: "", loading: "lazy", draggable: "false" }));
}
