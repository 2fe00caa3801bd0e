/* The composer: it grows with the message, keeps what was not sent, brings back what was said, and says the last message anew. */

import { lengthOf, saidBefore } from "./parts.js";

const COUNT_FROM = 0.8; // share of the limit from which the count shows

export function composing(chat) {
  const { field, composer, root } = chat;
  const [count, editing] = [chat.byId("count"), chat.byId("editing")];
  const plainAction = () => `/assistant/${root.dataset.conversation ? `${root.dataset.conversation}/messages` : ""}`;
  let back = 0; // how many messages ago is what the field shows; 0: it is the person's new one

  function measure() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    const length = lengthOf(field.value);
    count.value = length > chat.limit * COUNT_FROM ? `${length} of ${chat.limit}` : "";
    count.classList.toggle("over", length > chat.limit);
    field.setAttribute("aria-invalid", String(length > chat.limit));
  }

  function write(text) {
    field.value = text;
    measure();
    field.setSelectionRange(text.length, text.length);
  }

  /* A draft is this tab's, this person's and this conversation's; it outlives a reload and a sign-in. */
  const draft = () => `draft ${root.dataset.whose} ${root.dataset.conversation || "new"}`;
  const keep = () => (field.value ? sessionStorage.setItem(draft(), field.value) : sessionStorage.removeItem(draft()));

  function letGo() {
    sessionStorage.removeItem(draft());
    stopEditing();
    write("");
  }

  function startEditing(button) {
    composer.action = button.dataset.edit;
    editing.hidden = false;
    write(button.closest(".me").querySelector(".words").textContent);
    field.focus();
  }

  function stopEditing() {
    back = 0;
    editing.hidden = true;
    composer.action = plainAction();
  }

  function fromBefore(steps) {
    const said = saidBefore(chat);
    back = Math.min(Math.max(back + steps, 0), said.length);
    write(back ? said[said.length - back] : "");
  }

  field.addEventListener("input", () => { back = 0; measure(); keep(); });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // while an input method composes a word, the keys belong to it
    const isBare = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (field.value.trim()) composer.requestSubmit();
    } else if (isBare && event.key === "ArrowUp" && (!field.value || back)) {
      event.preventDefault();
      fromBefore(1);
    } else if (isBare && event.key === "ArrowDown" && back) {
      event.preventDefault();
      fromBefore(-1);
    } else if (event.key === "Escape" && !editing.hidden) {
      event.stopPropagation();
      letGo();
    }
  });
  root.addEventListener("click", (event) => {
    const edit = event.target.closest("[data-edit]");
    if (edit) startEditing(edit);
    if (event.target.closest("#edit-cancel")) { letGo(); field.focus(); }
    if (event.target.closest("#forget-page")) { chat.byId("about-page").remove(); field.focus(); }
  });

  if (!field.value) write(sessionStorage.getItem(draft()) ?? "");
  measure();
  return { letGo, stopEditing };
}
