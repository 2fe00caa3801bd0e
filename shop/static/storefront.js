/* The storefront works without script. This adds what only script can: printing, and a place for the focus to come home to. */
(() => {
  "use strict";

  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-print]")) {
      place.hidden = false;
      place.querySelector("button").addEventListener("click", () => print());
    }
  });

  // What had the focus can go with what it changed (a line that was removed): the keyboard then goes on from the page's middle.
  document.addEventListener("htmx:after:swap", () => {
    if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  });
})();
