/* The theme: light, dark, or the system's. Loaded before the first paint, so that a kept choice never flashes. */
(() => {
  "use strict";

  const KEY = "theme";
  const root = document.documentElement;

  // Storage can be forbidden by the browser; the page then follows the system.
  function kept() {
    try { return localStorage.getItem(KEY); } catch { return null; }
  }

  function show(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme ?? "system")));
    }
  }

  show(kept());

  document.addEventListener("DOMContentLoaded", () => {
    show(kept());
    for (const group of document.querySelectorAll("[data-themes]")) group.hidden = false;
  });

  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("[data-theme-choice]")?.dataset.themeChoice;
    if (!choice) return;
    try { localStorage.setItem(KEY, choice); } catch { /* shown now, forgotten at the next page */ }
    show(choice);
  });

  // Another tab chose.
  addEventListener("storage", (event) => { if (event.key === KEY) show(event.newValue); });
})();
