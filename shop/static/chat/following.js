/* Following the newest line, as long as the reader is near it; or standing at the turn or receipt that a link leads to. */

const NEAR_BOTTOM = 96; // pixels: closer than this, the reader is following

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

  new MutationObserver(() => {
    // Busy while it grows: a screen reader hears the answer once, not each word of it again.
    for (const foot of log.querySelectorAll(".foot")) {
      foot.closest(".turn").setAttribute("aria-busy", String(foot.dataset.state === "running"));
    }
    if (follows) toNewest();
    else latest.hidden = false;
  }).observe(log, { childList: true, characterData: true, subtree: true });

  // What comes and goes around the log (ways to go on, a longer message) must not cover the newest line.
  new ResizeObserver(() => { if (follows) toNewest(); }).observe(log);

  const linked = /^#(turn|receipt)-/.test(location.hash) && log.querySelector(`#${CSS.escape(location.hash.slice(1))}`);
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
