/* The chat page's own script: only what htmx cannot do.

   htmx and its SSE extension fetch streams and put their parts in place. Left for here: sending the forms marked `data-stream` from an
   element that outlives them, the composer (Enter, growth, limit, keeping what was not sent), following the newest line, and
   picking a running turn up again when its stream was lost. */
(() => {
  "use strict";

  const NEAR_BOTTOM = 96; // pixels: closer than this, the reader is following
  const COUNT_FROM = 0.8; // share of the limit from which the count shows

  const byId = (id) => document.getElementById(id);
  const chat = byId("chat");
  if (!chat) return;
  const [wire, log, composer, field, notice, count, latest] =
    ["wire", "log", "composer", "message", "notice", "count", "latest"].map(byId);
  const limit = Number(field.dataset.limit);
  const hasKeyboard = matchMedia("(hover: hover)").matches; // focus must not raise a phone's keyboard

  let sending = null; // the form whose stream is open
  let following = true; // the reader is at the newest line

  const runningTurn = () => chat.querySelector(".foot[data-state=running]")?.closest(".turn");
  const isBusy = () => sending !== null || Boolean(runningTurn());
  // Characters as the server counts them, not UTF-16 units.
  const lengthOf = (text) => [...text].length;

  function show(name) {
    notice.replaceChildren(byId(`notice-${name}`).content.cloneNode(true));
  }

  /* Sending ------------------------------------------------------------------------------------------------------------------- */

  function send(form, submitter) {
    if (isBusy()) return show("busy");
    if (form === composer && !field.value.trim()) return;
    if (form === composer && lengthOf(field.value) > limit) return show("long");
    const values = Object.fromEntries(new FormData(form, submitter));
    sending = form;
    following = true;
    notice.replaceChildren();
    setDecidable(form, false);
    // A refusal's body lands in the notice; a stream's parts carry their own targets.
    htmx.ajax("POST", form.action, { source: wire, target: notice, swap: "innerHTML", values });
  }

  // A decision is clicked once: its buttons rest until the answer replaces them, and come back if none came.
  function setDecidable(form, possible) {
    form.closest("[data-decide]")?.querySelectorAll("button").forEach((button) => { button.disabled = !possible; });
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("#chat form[data-stream]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });

  // The stream has begun: only now is the message surely with the shop, and the composer may let go of it.
  wire.addEventListener("htmx:sse:after:connection", (event) => {
    if (sending !== composer || event.detail.connection.status >= 400) return;
    composer.reset();
    field.value = ""; // a prefilled question is the form's default, to which reset() returns
    measure();
  });

  wire.addEventListener("htmx:finally:request", () => {
    if (sending?.isConnected) setDecidable(sending, true);
    sending = null;
    // A lost connection is not Stop: the turn goes on in the shop, and its page part polls itself from here on.
    const turn = runningTurn();
    if (turn) htmx.ajax("GET", turn.dataset.href, { target: turn, swap: "outerHTML" });
    // Focus comes home when what had it is gone: a receipt's button, or Stop.
    const focused = document.activeElement;
    if (hasKeyboard && (focused === document.body || !focused.checkVisibility())) field.focus({ preventScroll: true });
  });

  document.addEventListener("htmx:error", () => show("lost"));

  // The first message of a new conversation gives the page its address.
  wire.addEventListener("conversation", (event) => {
    const { title, href } = JSON.parse(event.detail.data);
    history.replaceState(history.state, "", href);
    composer.action = `${href}/messages`;
    byId("title").textContent = title;
    document.title = document.title.replace(/^[^·]+?(?= ·|$)/, title);
  });

  /* The composer -------------------------------------------------------------------------------------------------------------- */

  function measure() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    const length = lengthOf(field.value);
    count.value = length > limit * COUNT_FROM ? `${length} of ${limit}` : "";
    count.classList.toggle("over", length > limit);
    field.setAttribute("aria-invalid", String(length > limit));
  }

  field.addEventListener("input", measure);
  field.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send(composer);
  });

  /* Following ----------------------------------------------------------------------------------------------------------------- */

  function toNewest() {
    following = true;
    log.scrollTop = log.scrollHeight;
  }

  log.addEventListener("scroll", () => {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_BOTTOM;
    if (following) latest.hidden = true;
  }, { passive: true });
  latest.addEventListener("click", () => { toNewest(); field.focus({ preventScroll: true }); });

  new MutationObserver(() => {
    // Busy while it grows: a screen reader hears the answer once, not each word of it again.
    for (const foot of log.querySelectorAll(".foot")) {
      foot.closest(".turn").setAttribute("aria-busy", String(foot.dataset.state === "running"));
    }
    if (following) toNewest();
    else latest.hidden = false;
  }).observe(log, { childList: true, characterData: true, subtree: true });

  measure();
  if (log.querySelector(".turn")) toNewest();
  if (hasKeyboard) field.focus({ preventScroll: true });
  field.setSelectionRange(field.value.length, field.value.length);
})();
