/* Sending the forms marked `data-stream`. A stream lives only as long as the element that asked for it, and these forms are replaced by
   their own answers: so `#wire` asks. A stream that was lost is picked up by asking for its turn. */

import { lengthOf, runningTurn, show } from "./parts.js";

export function sending(chat, { begun, opened }) {
  let sent = null; // the form whose stream is open

  function send(form, submitter) {
    if (sent || runningTurn(chat)) return show(chat, "busy");
    if (form === chat.composer && !chat.field.value.trim()) return;
    if (form === chat.composer && lengthOf(chat.field.value) > chat.limit) return show(chat, "long");
    const values = Object.fromEntries(new FormData(form, submitter));
    sent = form;
    chat.notice.replaceChildren();
    setDecidable(form, false);
    begun();
    // A refusal's body lands in the notice; a stream's parts carry their own targets.
    htmx.ajax("POST", form.action, { source: chat.wire, target: chat.notice, swap: "innerHTML", values });
  }

  // A decision is clicked once: its buttons rest until the answer replaces them, and come back if none came.
  function setDecidable(form, possible) {
    form.closest("[data-decide]")?.querySelectorAll("button").forEach((button) => { button.disabled = !possible; });
  }

  chat.root.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-stream]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });

  // The stream has begun: only now is the message surely with the shop, and the composer may let go of it.
  chat.wire.addEventListener("htmx:sse:after:connection", (event) => {
    if (sent === chat.composer && event.detail.connection.status < 400) opened();
  });

  chat.wire.addEventListener("htmx:finally:request", () => {
    if (sent?.isConnected) setDecidable(sent, true);
    sent = null;
    // A lost connection is not Stop: the turn goes on in the shop, and its page part polls itself from here on.
    const turn = runningTurn(chat);
    if (turn) htmx.ajax("GET", turn.dataset.href, { target: turn, swap: "outerHTML" });
    // Focus comes home when what had it is gone: a receipt's button, or Stop.
    const focused = document.activeElement;
    if (chat.hasKeyboard && (focused === document.body || !focused.checkVisibility())) chat.field.focus({ preventScroll: true });
  });

  chat.root.addEventListener("htmx:error", () => show(chat, "lost"));

  return send;
}
