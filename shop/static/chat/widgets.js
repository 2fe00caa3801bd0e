/* Other hosts show some results in a widget, a document in a frame of its own (MCP Apps). So can this chat: folded away, and nothing of
   it is loaded until somebody unfolds it. */

import { show } from "./parts.js";

export function widgets(chat) {
  const unfolded = new Map(); // each with the promise of how its frame ends

  function fold(details) {
    unfolded.get(details)?.then((end) => end?.());
    unfolded.delete(details);
  }

  async function unfold(details) {
    chat.notice.replaceChildren();
    try {
      const { host } = await import("./widget-host.js");
      return await host(chat, details);
    } catch {
      if (!chat.notice.childElementCount) show(chat, "lost");
      details.open = false;
      return null;
    }
  }

  chat.root.addEventListener("toggle", ({ target }) => {
    if (!target.matches("details.widget")) return;
    if (target.open) unfolded.set(target, unfold(target));
    else fold(target);
  }, { capture: true }); // this event does not bubble

  // A frame that went with its part of the page hears and asks nothing any more.
  return () => {
    for (const details of unfolded.keys()) if (!details.isConnected) fold(details);
  };
}
