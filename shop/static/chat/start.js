/* A chat comes to life: only what htmx cannot do. htmx and its SSE extension fetch streams and put their parts in place. */

import { cards } from "./cards.js";
import { composing } from "./composer.js";
import { copying } from "./copying.js";
import { following } from "./following.js";
import { partsOf } from "./parts.js";
import { sending } from "./sending.js";
import { widgets } from "./widgets.js";

// `moved` is told the address of a conversation when its first message gives it one.
export function start(root, { moved }) {
  const chat = partsOf(root);
  const toNewest = following(chat);
  const { letGo, stopEditing } = composing(chat);
  sending(chat, { begun: toNewest, opened: letGo });

  const refresh = [copying(chat), cards(chat), widgets(chat)];
  const refreshAll = () => refresh.forEach((one) => one());
  let isAsked = false;
  new MutationObserver(() => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => { isAsked = false; refreshAll(); });
  }).observe(root, { childList: true, subtree: true });
  refreshAll();

  chat.wire.addEventListener("conversation", (event) => {
    const address = JSON.parse(event.detail.data);
    root.dataset.conversation = address.id;
    stopEditing(); // the composer's next message belongs to this conversation
    moved(address);
  });

  if (chat.hasKeyboard) chat.field.focus({ preventScroll: true });
}
