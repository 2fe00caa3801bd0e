/* Copying a message, an answer, a link, or a block of code. */

import { tell } from "./parts.js";

const SHOWN_MS = 1400;

const TEXTS = {
  message: (button) => button.closest(".me").querySelector(".words").textContent,
  answer: (button) => [...button.closest(".turn").querySelectorAll(".say")].map((say) => say.innerText.trim()).join("\n\n"),
  link: (button) => location.origin + button.dataset.link,
  code: (button) => button.previousElementSibling.textContent,
};

// Without a secure context there is no clipboard to write to, but a selection can be copied.
async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const carrier = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
  carrier.select();
  document.execCommand("copy");
  carrier.remove();
}

export function copying(chat) {
  const { root } = chat;
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const address = () => `${location.origin}/assistant/${root.dataset.conversation}`;
    try {
      await write((TEXTS[button.dataset.copy] ?? address)(button));
      tell(chat, "Copied.");
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), SHOWN_MS);
    } catch {
      tell(chat, "The browser did not let this be copied.");
    }
  });

  // Code scrolls sideways, so it must be reachable by keyboard; and it is what one copies most.
  return () => {
    for (const code of root.querySelectorAll(".say pre:not([tabindex])")) {
      code.tabIndex = 0;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Copy" });
      button.dataset.copy = "code";
      code.after(button);
    }
  };
}
