/* Copying by a press. Where the browser has no clipboard for a page (plain http on another machine), no button shows. */
(() => {
  "use strict";

  const SHOWN_FOR = 2000; // milliseconds

  document.addEventListener("DOMContentLoaded", () => {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("[data-copy]")) {
      const label = button.querySelector("[data-copy-label]");
      label.setAttribute("aria-live", "polite");
      button.hidden = false;
      button.addEventListener("click", async () => {
        const place = document.getElementById(button.dataset.copy);
        try {
          await navigator.clipboard.writeText(place.textContent);
          label.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(place);
          label.textContent = "Selected";
        }
        setTimeout(() => { label.textContent = "Copy"; }, SHOWN_FOR);
      });
    }
  });
})();
