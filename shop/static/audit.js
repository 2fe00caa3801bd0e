/* The audit of a conversation: earlier entries come in above. */

import { comingAbove } from "./earlier.js";

const timeline = document.querySelector(".timeline:has(#earlier)");
if (timeline) {
  const cameIn = comingAbove(timeline, ".entry", document.scrollingElement);
  new MutationObserver(() => {
    let day = null;
    for (const line of timeline.querySelectorAll(".day")) {
      if (line.textContent === day) line.remove(); // the same day goes on
      day = line.textContent;
    }
    cameIn();
  }).observe(timeline, { childList: true });
}
