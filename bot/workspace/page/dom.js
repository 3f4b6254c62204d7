// Builds elements. Text is always put in as text: nothing in this page ever parses a message as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "testid") element.setAttribute("data-testid", value);
    else if (name === "value" && "value" in element && element.tagName !== "LI") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Line drawings for buttons, on a 24 by 24 grid.
const ICONS = {
  clip: "M8 12.5 14.5 6a3 3 0 0 1 4.3 4.3l-8.4 8.4a5 5 0 0 1-7-7l8-8",
  send: "M4 12 20 4.5 15 20l-3.5-6.500z M11.500 13.500 20 4.500",
  thread: "M4 5h16v11H10l-4 4v-4H4z M8 9h8 M8 12.500h5",
  close: "M6 6l12 12 M18 6 6 18",
  menu: "M4 7h16 M4 12h16 M4 17h16",
  smile: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18z M9 10v.01 M15 10v.01 M8.500 14.500a4.500 4.500 0 0 0 7 0",
  edit: "M4 20l1-4L16 5l3 3L8 19z M14 7l3 3",
  bin: "M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13",
  tray: "M4 14l3-8h10l3 8v5H4z M4 14h5l1 2h4l1-2h5",
  chevron: "M6 9l6 6 6-6",
  down: "M12 4v11 M7 11l5 5 5-5 M5 20h14",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  lock: "M6 11h12v9H6z M8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  eye: "M2.500 12s3.500-6 9.500-6 9.500 6 9.500 6-3.500 6-9.500 6-9.500-6-9.500-6z M12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
};

export const icon = (name) =>
  svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

export const iconButton = (name, label, attributes = {}) =>
  h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, ...attributes }, icon(name));
