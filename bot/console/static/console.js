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
