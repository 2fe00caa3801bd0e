/* Earlier parts of a page come in above what is read, in the place of the link to them (#earlier): the reader stays where they are, with
   the focus on the next such link. */

// Watches `root`, whose parts match `part`. Returns what to call when `root` has changed: it says whether earlier parts came in.
export function comingAbove(root, part, scroller) {
  let above = null; // what stood first, where it was, and whether the link had the focus
  root.addEventListener("htmx:before:swap", (event) => {
    const link = event.target.closest("#earlier");
    if (!link) return;
    const first = root.querySelector(part);
    above = { link, first, top: first.getBoundingClientRect().top, hadFocus: link.contains(document.activeElement) };
  });
  return () => {
    if (!above || root.contains(above.link)) return false;
    const { first, top, hadFocus } = above;
    above = null;
    scroller.scrollTop += first.getBoundingClientRect().top - top;
    if (hadFocus) (root.querySelector("#earlier a") ?? first.querySelector("a, button, summary"))?.focus({ preventScroll: true });
    return true;
  };
}
