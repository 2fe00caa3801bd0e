/* Following the newest line, as long as the reader is near it; or standing at the turn or receipt that a link leads to, or where
   the reader is while earlier turns come in above. */

import { comingAbove } from "../earlier.js";
import { tell } from "./parts.js";

const NEAR_BOTTOM = 96; // pixels: closer than this, the reader is following
const QUIET_FOR = 500; // milliseconds: what came in above is told in a word, not read out as if it were new

export function following(chat) {
  const { log, field } = chat;
  const latest = chat.byId("latest");
  let follows = true;

  function toNewest() {
    follows = true;
    log.scrollTop = log.scrollHeight;
  }

  log.addEventListener("scroll", () => {
    follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_BOTTOM;
    if (follows) latest.hidden = true;
  }, { passive: true });
  latest.addEventListener("click", () => { toNewest(); field.focus({ preventScroll: true }); });

  const cameInAbove = comingAbove(log, ".turn", log);
  log.addEventListener("htmx:before:swap", (event) => {
    if (event.target.closest("#earlier")) log.setAttribute("aria-live", "off");
  });

  function tellOfEarlier() {
    tell(chat, "Earlier messages are shown above.");
    setTimeout(() => log.setAttribute("aria-live", "polite"), QUIET_FOR);
  }

  new MutationObserver(() => {
    // Busy while it grows: a screen reader hears the answer once, not each word of it again.
    for (const foot of log.querySelectorAll(".foot")) {
      foot.closest(".turn").setAttribute("aria-busy", String(foot.dataset.state === "running"));
    }
    if (cameInAbove()) tellOfEarlier();
    else if (follows) toNewest();
    else latest.hidden = false;
  }).observe(log, { childList: true, characterData: true, subtree: true });

  // What comes and goes around the log (ways to go on, a longer message) must not cover the newest line.
  new ResizeObserver(() => { if (follows) toNewest(); }).observe(log);

  const [, kind, name] = location.hash.match(/^#(turn|receipt)-(\w+)$/) ?? [];
  const linked = kind && log.querySelector(`#${CSS.escape(`${kind}-${name}`)}`);
  if (kind && !linked && log.querySelector("#earlier") && !new URLSearchParams(location.search).has(kind)) {
    location.replace(`${location.pathname}?${kind}=${name}${location.hash}`); // it stands further above than the page shows
  }
  if (linked) {
    follows = false;
    const fold = linked.closest("details.edited");
    if (fold) fold.open = true;
    linked.scrollIntoView();
  } else if (log.querySelector(".turn")) {
    toNewest();
  }
  return toNewest;
}
