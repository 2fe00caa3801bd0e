/* A widget's host, by the official bridge of MCP Apps. The frame has no origin, no network and no authority: what it asks for is passed to
   the shop, which calls it as the assistant of this conversation; what it would say in the person's name, the person sends. */

import { AppBridge, PostMessageTransport } from "../vendor/app-bridge.min.js";

const HIGHEST = 800; // pixels: what is higher scrolls inside its frame
const ME = { name: "Context & Co.", version: "1" };
const CAN = { serverTools: {}, openLinks: {}, message: { text: {} } };

const dark = matchMedia("(prefers-color-scheme: dark)");
const context = () => ({
  theme: document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light"),
  locale: navigator.language,
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  displayMode: "inline",
  availableDisplayModes: ["inline"],
  containerDimensions: { maxHeight: HIGHEST },
});

function followTheme(changed) {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", changed);
  return () => { observer.disconnect(); dark.removeEventListener("change", changed); };
}

// Asks the shop; a refusal in words lands where all of them do, over the composer.
async function ask(chat, path, body) {
  const headers = { "HX-Request": "true" };
  const how = body && {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json", "X-CSRFToken": chat.composer.elements.csrf_token.value },
    body: JSON.stringify(body),
  };
  const answer = await fetch(path, how ?? { headers });
  if (answer.ok) return answer.json();
  chat.notice.innerHTML = await answer.text(); // of this shop's own templates
  throw new Error("Nothing was done. The conversation says why.");
}

// The words are put where the person writes: they can change them, and only they send them.
function propose(chat, content) {
  const words = content.filter((part) => part.type === "text").map((part) => part.text).join("\n");
  const { field } = chat;
  if (!field.value.includes(words)) field.value = [field.value.trim(), words].filter(Boolean).join("\n");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

// Shows in its frame what a call returned. Returns how to end it.
export async function host(chat, details) {
  const calls = `/assistant/${chat.root.dataset.conversation}/widget-calls`;
  const { widget, title, call } = details.dataset;
  const shown = await ask(chat, `${calls}/${call}`);
  const frame = Object.assign(document.createElement("iframe"), { title, sandbox: "allow-scripts" });
  details.append(frame);

  const bridge = new AppBridge(null, ME, CAN, { hostContext: context() });
  bridge.oninitialized = async () => {
    await bridge.sendToolInput({ arguments: shown.arguments });
    await bridge.sendToolResult(shown.result);
  };
  bridge.onsizechange = ({ height }) => { if (height) frame.style.height = `${Math.min(height, HIGHEST)}px`; };
  bridge.oncalltool = async ({ name, arguments: given }) => {
    const { result, page } = await ask(chat, calls, { name, arguments: given });
    if (page) await htmx.swap({ text: page, sourceElement: chat.wire, target: chat.notice, swap: "none" });
    return result;
  };
  bridge.onmessage = async ({ content }) => { propose(chat, content); return {}; };
  bridge.onopenlink = async ({ url }) => {
    if (!URL.canParse(url) || !new URL(url).href.startsWith(`${location.origin}/`)) return { isError: true };
    location.assign(url);
    return {};
  };

  const unfollow = followTheme(() => bridge.setHostContext(context()));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.src = `/assistant/widgets/${widget}`;
  return () => { unfollow(); bridge.close(); frame.remove(); };
}
