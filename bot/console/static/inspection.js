// The photo of an inspection: zoom, move, and the anomaly map laid over it. Without this file the map can still be switched and the
// photo opened by itself.
"use strict";

const MOST = 8;
const STEP = 1.4;

for (const viewer of document.querySelectorAll("[data-viewer]")) {
  const frame = viewer.querySelector(".viewer-frame");
  if (frame) watch(viewer, frame, frame.querySelector(".viewer-stage"));
}
document.body.classList.add("has-script");

function watch(viewer, frame, stage) {
  const map = stage.querySelector(".viewer-map");
  const toggle = viewer.querySelector(".viewer-toggle");
  const strength = viewer.querySelector(".viewer-strength");
  let scale = 1, x = 0, y = 0; // the stage's upper left corner, in the frame's pixels

  function draw() {
    const box = frame.getBoundingClientRect();
    x = Math.min(0, Math.max(x, box.width * (1 - scale)));
    y = Math.min(0, Math.max(y, box.height * (1 - scale)));
    stage.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    frame.classList.toggle("is-zoomed", scale > 1);
    viewer.dataset.scale = scale.toFixed(2);
  }

  function zoom(factor, atX = frame.clientWidth / 2, atY = frame.clientHeight / 2) {
    const next = Math.min(MOST, Math.max(1, scale * factor));
    x = atX - ((atX - x) * next) / scale;
    y = atY - ((atY - y) * next) / scale;
    scale = next;
    draw();
  }

  function whole() {
    scale = 1;
    x = y = 0;
    draw();
  }

  function flip() {
    if (!toggle) return;
    toggle.checked = !toggle.checked;
  }

  viewer.showBox = ([left, top, right, bottom]) => {
    const width = frame.clientWidth, height = frame.clientHeight;
    scale = Math.min(MOST, Math.max(1, 0.6 / Math.max(right - left, bottom - top)));
    x = width / 2 - (scale * width * (left + right)) / 2;
    y = height / 2 - (scale * height * (top + bottom)) / 2;
    draw();
    frame.focus({ preventScroll: true });
    viewer.scrollIntoView({ block: "nearest" });
  };

  viewer.querySelector('[data-zoom="in"]').addEventListener("click", () => zoom(STEP));
  viewer.querySelector('[data-zoom="out"]').addEventListener("click", () => zoom(1 / STEP));
  viewer.querySelector('[data-zoom="reset"]').addEventListener("click", whole);
  if (strength) strength.addEventListener("input", () => { map.style.opacity = strength.value / 100; });

  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.key === "+" || event.key === "=" || event.key === ";") zoom(STEP); // ";" is the plus of a Japanese keyboard without shift
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") whole();
    else if (event.key === "m" || event.key === "M") flip();
    else if (move && scale > 1) { x += move[0]; y += move[1]; draw(); }
    else return;
    event.preventDefault();
  });

  frame.addEventListener("dblclick", (event) => {
    const box = frame.getBoundingClientRect();
    zoom(STEP * STEP, event.clientX - box.left, event.clientY - box.top);
  });
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // the page scrolls; a pinch on a touch pad comes as a wheel with ctrl
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  const fingers = new Map();
  frame.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    if (scale > 1) frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const box = frame.getBoundingClientRect();
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      zoom(apart(event) / Math.max(1, apart(before)), (event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top);
    } else if (scale > 1) {
      x += event.clientX - before.clientX;
      y += event.clientY - before.clientY;
      draw();
    }
    fingers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) frame.addEventListener(end, (event) => fingers.delete(event.pointerId));
  window.addEventListener("resize", draw);
  draw();
}

document.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-show-box]");
  if (!asked) return;
  const viewer = document.querySelector(`[data-viewer][data-photo="${CSS.escape(asked.dataset.photo)}"]`);
  if (viewer && viewer.showBox) viewer.showBox(asked.dataset.showBox.split(" ").map(Number));
});
