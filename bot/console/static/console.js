// What the pages do beyond links and forms; every page works without it.
//   data-submit-on-change   on a form: sent as soon as something in it is chosen
//   data-print              on a button: print the page
//   data-confirm="words"    on a button: ask first
"use strict";

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

document.addEventListener("click", (event) => {
  const print = event.target.closest("[data-print]");
  if (print) window.print();
  const asked = event.target.closest("[data-confirm]");
  if (asked && !window.confirm(asked.dataset.confirm)) event.preventDefault();
});

// A table wider than the screen scrolls by itself, and then by keyboard too.
function letTablesScroll() {
  for (const table of document.querySelectorAll("table.list")) {
    if (!table.parentElement.classList.contains("scroll")) {
      const around = document.createElement("div");
      around.className = "scroll";
      table.replaceWith(around);
      around.append(table);
    }
    const around = table.parentElement;
    if (around.scrollWidth > around.clientWidth) {
      around.tabIndex = 0;
      around.setAttribute("role", "group");
      around.setAttribute("aria-label", table.caption ? table.caption.textContent.trim() : document.title);
    } else {
      around.removeAttribute("tabindex");
      around.removeAttribute("role");
      around.removeAttribute("aria-label");
    }
  }
}

document.addEventListener("DOMContentLoaded", letTablesScroll);
document.addEventListener("htmx:afterSettle", letTablesScroll);
window.addEventListener("resize", letTablesScroll);
