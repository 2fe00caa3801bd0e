/* The parts of a chat, wherever it stands: on a page of its own or in the dock. Everything listens on the chat's root, so that a chat
   which is replaced takes its listeners with it. */

export function partsOf(root) {
  const byId = (id) => root.querySelector(`#${id}`);
  const field = byId("message");
  return {
    root,
    byId,
    field,
    wire: byId("wire"), // what asks for streams: it outlives the forms that they replace
    log: byId("log"),
    composer: byId("composer"),
    notice: byId("notice"),
    limit: Number(field.dataset.limit),
    hasKeyboard: matchMedia("(hover: hover)").matches, // focus must not raise a phone's keyboard
  };
}

export const runningTurn = (chat) => chat.root.querySelector(".foot[data-state=running]")?.closest(".turn");

// Characters as the server counts them, not UTF-16 units.
export const lengthOf = (text) => [...text].length;

// Words that the page brought along, shown where a refusal would be.
export function show(chat, name) {
  chat.notice.replaceChildren(chat.byId(`notice-${name}`).content.cloneNode(true));
}

// A short word for a screen reader about what a button did.
export function tell(chat, words) {
  chat.byId("told").textContent = words;
}

// The person's own earlier messages, oldest first.
export const saidBefore = (chat) => [...chat.log.querySelectorAll(".me .words")].map((words) => words.textContent);
