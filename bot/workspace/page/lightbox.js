// Photos: thumbnails in a message, and the large view with previous and next.

import { h, icon, iconButton } from "./dom.js";
import { words } from "./words.js";

let shown = null;

// photos: [{small, large, name, alt, download?, ratio?}]
export function gallery(photos) {
  return h("div", { class: photos.length > 1 ? "photos several" : "photos" }, photos.map((photo, i) => thumbnail(photo, () => enlarge(photos, i))));
}

function thumbnail(photo, open) {
  const image = h("img", { src: photo.small, alt: photo.alt, loading: "lazy", width: photo.width, height: photo.height });
  return h("figure", { class: "photo" },
    h("button", { type: "button", "aria-label": words.openPhoto(photo.name), title: photo.name, onclick: open }, image));
}

function enlarge(photos, start) {
  let at = start;
  const image = h("img", { class: "large" });
  const caption = h("span", { class: "caption" });
  const save = h("a", { class: "icon-button", "aria-label": words.download, title: words.download, download: true }, icon("down"));
  const show = (step) => {
    at = (at + step + photos.length) % photos.length;
    const photo = photos[at];
    image.src = photo.large;
    image.alt = photo.alt;
    caption.textContent = photos.length > 1 ? `${photo.name} (${at + 1} / ${photos.length})` : photo.name;
    save.hidden = !photo.download;
    if (photo.download) save.href = photo.download;
  };
  const turn = photos.length > 1;
  shown?.remove();
  shown = h("dialog", { class: "lightbox", "aria-label": words.photo, onclick: (e) => e.target === shown && shown.close(), onclose: () => shown.remove() },
    h("div", { class: "lightbox-bar" }, caption, save, iconButton("close", words.close, { onclick: () => shown.close() })),
    h("div", { class: "lightbox-body" },
      turn && iconButton("left", words.previous, { onclick: () => show(-1) }), image,
      turn && iconButton("right", words.next, { onclick: () => show(1) })));
  shown.addEventListener("keydown", (event) => {
    if (!turn) return;
    if (event.key === "ArrowLeft") show(-1);
    if (event.key === "ArrowRight") show(1);
  });
  document.body.append(shown);
  show(0);
  shown.showModal();
}

export function filePhoto(file) {
  const longest = Math.max(file.original_w, file.original_h);
  const scale = Math.min(1, 340 / longest);
  return {
    small: `/local/picture/${file.id}/${longest > 480 ? 720 : 480}`,
    large: `/local/picture/${file.id}/2048`,
    name: file.title || file.name,
    alt: file.alt_txt || file.title || file.name,
    download: `/local/download/${file.id}`,
    width: Math.max(1, Math.round(file.original_w * Math.max(scale, Math.min(1, 120 / longest)))),
    height: Math.max(1, Math.round(file.original_h * Math.max(scale, Math.min(1, 120 / longest)))),
  };
}
