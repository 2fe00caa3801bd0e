
"use strict";
/* What every widget stands on: the bridge to whoever hosts it, and a way to put things on the page.
   The bridge is MCP Apps (JSON-RPC by postMessage, revision 2026-01-26), or `window.openai` where a host has that.
   All text of results is data: it becomes text nodes, never markup. Nothing is fetched here; a tool is called through the host,
   so it passes the host's own checks, and then the shop's. */

const view = document.getElementById("view"), said = document.getElementById("said");

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
const money = (amount) => el("span", { className: "money" }, amount.text);
const button = (key, text, onclick, more = {}) => el("button", { type: "button", "data-key": key, textContent: text, onclick, ...more });

function say(text) {
  said.textContent = text;
  if (text) said.scrollIntoView({ block: "nearest" }); // a host may show only a part of what is high
}

// Puts a drawing on the page; whoever works by keyboard stays on the control where they were.
function put(...nodes) {
  const key = document.activeElement?.dataset?.key;
  view.replaceChildren(...nodes.flat().filter(Boolean));
  const before = key && [...view.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key && !node.disabled);
  before?.focus();
}

const bridge = (() => {
  const waiting = new Map();
  let last = 0, draw = null, input = {}, can = {}, isConnected = false;

  const post = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*"); // a widget cannot know its host's origin
  const ask = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    post({ id: last, method, params });
  });

  function look(context) {
    if (context?.theme === "light" || context?.theme === "dark") document.documentElement.dataset.theme = context.theme;
  }

  function show(result) {
    const content = result?.structuredContent;
    if (!result || result.isError || !content) return say(problem(result));
    say("");
    draw(content);
  }

  const problem = (result) =>
    result?.structuredContent?.message ?? result?.content?.find((part) => part.type === "text")?.text ?? "That did not work.";

  const heard = {
    "ui/notifications/tool-input": (params) => { input = params.arguments ?? {}; },
    "ui/notifications/tool-result": show,
    "ui/notifications/tool-cancelled": () => say("This was stopped. Nothing was done."),
    "ui/notifications/host-context-changed": look,
  };
  const answers = { ping: () => ({}), "ui/resource-teardown": () => ({}) };

  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.jsonrpc !== "2.0") return;
    if (data.method === undefined) {
      const asked = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.error) asked?.reject(new Error(data.error.message));
      else asked?.resolve(data.result);
    } else if (data.id === undefined) {
      if (Object.hasOwn(heard, data.method)) heard[data.method](data.params ?? {});
    } else if (Object.hasOwn(answers, data.method)) {
      post({ id: data.id, result: answers[data.method]() });
    } else {
      post({ id: data.id, error: { code: -32601, message: "Method not found" } });
    }
  });

  // At first all that such a host has set; later only what it changed, so that a new theme does not draw the first result again.
  function fromOpenAI({ theme, toolInput, toolOutput }) {
    look({ theme });
    input = toolInput ?? input;
    if (toolOutput) show({ structuredContent: toolOutput });
  }

  // Runs a tool; its structured result, or nothing after the reason was said.
  async function call(name, args) {
    view.setAttribute("aria-busy", "true");
    try {
      const result = window.openai?.callTool
        ? await window.openai.callTool(name, args)
        : await ask("tools/call", { name, arguments: args });
      const content = result.structuredContent;
      if (!result.isError && content) { say(""); return content; }
      say(problem(result));
    } catch (error) {
      say(error.message || "That did not work. Nothing was done.");
    } finally {
      view.removeAttribute("aria-busy");
    }
    return null;
  }

  // Tells the conversation something in the person's name: the host decides how, and may ask them first.
  function tell(text) {
    const told = window.openai?.sendFollowUpMessage
      ? window.openai.sendFollowUpMessage({ prompt: text })
      : ask("ui/message", { role: "user", content: [{ type: "text", text }] });
    Promise.resolve(told).catch(() => say(`Please write: ${text}`));
  }

  function open(url) {
    if (!/^https?:/.test(url)) return;
    const opened = window.openai?.openExternal ? window.openai.openExternal({ href: url }) : ask("ui/open-link", { url });
    Promise.resolve(opened).then((result) => { if (result?.isError) say(`Please open ${url}`); }, () => say(`Please open ${url}`));
  }

  async function start(name, drawing) {
    draw = drawing;
    if (window.openai) {
      window.addEventListener("openai:set_globals", ({ detail }) => fromOpenAI(detail?.globals ?? window.openai));
      fromOpenAI(window.openai);
    }
    if (window.parent === window) return;
    const hello = { appInfo: { name, version: "1" }, appCapabilities: {}, protocolVersion: "2026-01-26" };
    const { hostContext, hostCapabilities } = await ask("ui/initialize", hello);
    look(hostContext);
    can = hostCapabilities ?? {};
    isConnected = true;
    post({ method: "ui/notifications/initialized" });
    new ResizeObserver(() => post({
      method: "ui/notifications/size-changed",
      params: { width: document.documentElement.scrollWidth, height: Math.ceil(document.body.getBoundingClientRect().height) },
    })).observe(document.body);
  }

  return {
    start, call, tell, open,
    input: () => input,
    // Whether the host lets a widget call tools; before it has said, and where it speaks the other dialect, yes.
    canCall: () => Boolean(window.openai?.callTool) || !isConnected || Boolean(can.serverTools),
  };
})();
