
"use strict";
/* Putting things on the page. All text of results is data: it becomes text nodes, never markup. */

const view = document.getElementById("view"), said = document.getElementById("said"), next = document.getElementById("next");
const SHOP = document.documentElement.dataset.shop; // its address, without a slash at the end

function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) { element.append(child); continue; }
    const text = document.createElement("span");
    text.textContent = String(child);
    element.append(text);
  }
  return element;
}

const picture = (src) => el("img", { src, alt: "", width: 240, height: 200 });
const money = (amount) => el("span", { className: "money" }, amount.text); // as the shop's own pages write it
const button = (key, text, onclick, more = {}) => el("button", { type: "button", "data-key": key, textContent: text, onclick, ...more });
const items = (count) => `${count} ${count === 1 ? "item" : "items"}`;

let lastControl; // the key of the control in the view that the person used last
view.addEventListener("focusin", ({ target }) => { lastControl = target.dataset.key ?? lastControl; });

const controlOf = (key) => key && [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key && !one.disabled);

// Whoever works by keyboard stays on their control. Where it is gone they come to the line that took its place, else to the heading,
// never to another control: the key that they press once more would use it.
function keepFocus(change) {
  const active = document.activeElement, key = active?.dataset?.key;
  const wasInView = view.contains(active), wasInNext = next.contains(active);
  const place = [...view.querySelectorAll("[data-line]")].findIndex((line) => line.contains(active));
  change();
  if (!(wasInView || wasInNext) || (active.isConnected && !active.disabled)) return;
  const lines = view.querySelectorAll("[data-line]");
  focusOn(controlOf(key) ?? (wasInNext ? controlOf(lastControl) : null) ?? (place >= 0 ? lines[Math.min(place, lines.length - 1)] : null));
}

function focusOn(node) {
  const target = node ?? view.querySelector("h2") ?? view;
  if (!target.matches("button, input, a")) target.tabIndex = -1;
  target.focus();
}

function put(...nodes) {
  keepFocus(() => view.replaceChildren(...nodes.flat().filter(Boolean)));
}

// Says something under what is shown, with what can be done next as buttons.
function say(text, steps = []) {
  keepFocus(() => {
    said.textContent = text;
    next.replaceChildren(...steps.flat().filter(Boolean));
  });
  if (text) (next.lastElementChild ?? said).scrollIntoView({ block: "nearest" }); // a host may show only a part of what is high
}

// Words or an address that the host would not take: the person takes them there themselves.
function copyStep(text, label) {
  return button("next-copy", label, () => {
    const field = el("textarea", { value: text, readOnly: true, ariaLabel: "To copy" });
    next.append(field);
    field.select();
    const isCopied = document.execCommand("copy"); // needs no permission, which a frame of another origin has not
    if (isCopied) field.remove();
    focusOn(controlOf("next-copy"));
    said.textContent = isCopied ? `Copied: ${text}` : "Please copy the words below.";
  });
}
