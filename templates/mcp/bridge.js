
/* The bridge to whoever hosts a widget: MCP Apps (JSON-RPC by postMessage, revision 2026-01-26), or `window.openai` where a host has
   that; some have both. Nothing is fetched here: a tool is called through the host, so it passes the host's own checks, and then the shop's. */

const PATIENCE = 20_000; // milliseconds until a person is told that no answer has come

const bridge = (() => {
  const waiting = new Map();
  let last = 0, widget = null, input = {}, can = {}, isConnected = false, hasSaid = false, hasDrawn = false, latest = null, state = null;

  const openai = () => window.openai;
  const post = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*"); // a widget cannot know its host's origin
  const ask = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    post({ id: last, method, params });
  });

  // Does something unless an answer comes in time; returns how to stop it. An animation is a timer that a test can bring to its end.
  function unlessSoon(act) {
    const timer = view.animate(null, PATIENCE);
    timer.finished.then(act, () => {});
    return () => timer.cancel();
  }

  // Draws a result, and keeps what is shown where the host keeps a state, so that it is there when the frame is drawn again.
  function show(drawing, content) {
    draw(drawing, content);
    remember({ drawing, content });
  }

  function draw(drawing, content) {
    hasSaid = hasDrawn = true;
    say("");
    try {
      widget.drawings[drawing](content);
    } catch (error) {
      reportError(error);
      put(el("h2", {}, widget.title));
      say("What the shop answered could not be shown.", nextSteps());
    }
  }

  async function remember(changed) {
    state = { ...state, ...changed };
    try {
      await openai()?.setWidgetState?.(state);
    } catch {
      // A host that does not keep it begins with the result again.
    }
  }

  // Something is not there to be drawn: what that is, in words, and what the person can do.
  function fail(words, steps) {
    if (!hasSaid) put(el("h2", {}, widget.title));
    hasSaid = true;
    say(words, steps);
  }

  // What can be done where a result did not come or was no use: see it again, or say it in the conversation.
  function nextSteps(again = widget.again?.(), words = widget.words()) {
    return [
      again && canCall() && button("next-again", again.text, again.run),
      button("next-tell", "Ask in the conversation", () => tell(words)),
    ];
  }

  const whyStep = (result) => whyOf(result) && button("next-why", "See why", () => open(whyOf(result)));

  function receive(result) {
    const asText = JSON.stringify(result?.structuredContent ?? result ?? null);
    if (asText === latest) return; // a host that speaks both dialects gives it twice
    const isKept = latest === null && state; // what the person did with this result already is shown
    latest = asText;
    if (isKept) return;
    const content = contentOf(result) ?? widget.fromText?.(textOf(result));
    const drawing = content && widget.drawingOf(content);
    if (drawing) { (state ? show : draw)(drawing, content); return; }
    if (!result || result.isError) { fail(wordsOf(result), [whyStep(result), ...nextSteps()]); return; }
    if (hasDrawn) return; // of a call of ours: some hosts announce those too
    hasSaid = true;
    put(el("h2", {}, widget.title), el("details", {}, el("summary", {}, "What the shop answered"), el("p", { className: "plain" }, textOf(result) || JSON.stringify(content))));
    say("Your assistant's program passed on the shop's answer as text only.", nextSteps());
  }

  function cancelled({ reason }) {
    if (!widget.cancelled?.(reason)) fail("This was stopped before the shop's answer came.", nextSteps());
  }

  const heard = {
    "ui/notifications/tool-input": (params) => { input = params.arguments ?? {}; },
    "ui/notifications/tool-result": receive,
    "ui/notifications/tool-cancelled": cancelled,
    "ui/notifications/host-context-changed": applyHostContext,
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
  function fromOpenAI({ theme, locale, safeArea, toolInput, toolOutput, widgetState }) {
    const context = { theme, locale, safeAreaInsets: safeArea?.insets };
    applyHostContext(Object.fromEntries(Object.entries(context).filter(([, value]) => value)));
    input = toolInput ?? input;
    if (!state && widgetState && Object.hasOwn(widget.drawings, widgetState.drawing)) {
      state = widgetState;
      draw(state.drawing, state.content);
    }
    if (toolOutput) receive(typeof toolOutput === "string" ? { result: toolOutput } : { structuredContent: toolOutput });
  }

  // Runs a tool; its structured result, or nothing after the reason was said, with `again` (what began this) and `words` (that ask
  // for the same in the conversation) as the next steps.
  async function call(name, args, { words, again } = {}) {
    const steps = () => nextSteps(again && { text: "Try again", run: again }, words);
    view.setAttribute("aria-busy", "true");
    const inTime = unlessSoon(() => fail("No answer has come yet.", steps()));
    try {
      const result = openai()?.callTool ? await openai().callTool(name, args) : await ask("tools/call", { name, arguments: args });
      const content = contentOf(result);
      if (content) { say(""); return content; }
      if (result && !result.isError) fail(wordsOf(result), nextSteps(null, words));
      else fail(wordsOf(result), [whyStep(result), ...steps()]);
    } catch (error) {
      fail(error.message || "That did not work. Nothing was done.", steps());
    } finally {
      inTime();
      view.removeAttribute("aria-busy");
    }
    return null;
  }

  // Tells the conversation something in the person's name: the host decides how, and may ask them first.
  async function tell(words) {
    try {
      const told = openai()?.sendFollowUpMessage
        ? await openai().sendFollowUpMessage({ prompt: words })
        : await ask("ui/message", { role: "user", content: [{ type: "text", text: words }] });
      if (told?.isError) throw new Error("refused");
      say("Passed on to the conversation.");
    } catch {
      say(`Please write in the conversation: “${words}”`, [copyStep(words, "Copy these words"), button("next-retell", "Try again", () => tell(words))]);
    }
  }

  async function open(url) {
    if (!/^https?:/.test(url)) return;
    try {
      const opened = openai()?.openExternal ? await openai().openExternal({ href: url }) : await ask("ui/open-link", { url });
      if (opened?.isError) throw new Error("refused");
    } catch {
      say(`Please open ${url}`, [copyStep(url, "Copy the address"), button("next-reopen", "Try again", () => open(url))]);
    }
  }

  // Tells the model, and nobody else, what the person did here. A host that cannot pass it on leaves the model to ask.
  function inform(text) {
    remember({ note: text });
    if (isConnected) ask("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
  }

  // Before the host has said what it can, and has no other dialect, a call is tried.
  function canCall() {
    if (isConnected) return Boolean(openai()?.callTool || can.serverTools);
    return openai() ? Boolean(openai().callTool) : true;
  }

  function reportSize() {
    const width = document.documentElement.scrollWidth, height = Math.ceil(document.body.getBoundingClientRect().height);
    if (isConnected) post({ method: "ui/notifications/size-changed", params: { width, height } });
    openai()?.notifyIntrinsicHeight?.(height);
  }

  async function connect() {
    const hello = {
      appInfo: { name: widget.name, version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: "2026-01-26",
    };
    try {
      const { hostContext, hostCapabilities } = await ask("ui/initialize", hello);
      applyHostContext(hostContext);
      can = hostCapabilities ?? {};
      isConnected = true;
      post({ method: "ui/notifications/initialized" });
      reportSize();
    } catch {
      if (!hasSaid && !openai()) fail("Your assistant's program could not connect this view.", [copyStep(widget.words(), "Copy what to ask")]);
    }
  }

  /* `drawings` by name, and `drawingOf`: which of them draws a result, if any does. `again`: how to get it once more; `words`: how to ask for it in the
     conversation. `fromText`: a result out of a text; `cancelled`: what a stopped call means here, if it means more than that. */
  function start(about) {
    widget = { title: document.title, ...about };
    unlessSoon(() => hasSaid || fail("Nothing has come from the shop yet.", nextSteps()));
    window.addEventListener("openai:set_globals", ({ detail }) => fromOpenAI(detail?.globals ?? openai() ?? {}));
    if (openai()) fromOpenAI(openai());
    new ResizeObserver(reportSize).observe(document.body);
    if (window.parent !== window) connect();
    else if (!openai()) fail("This is shown in the conversation with an assistant.", []);
  }

  return { start, show, call, tell, open, inform, fail, nextSteps, canCall, input: () => input };
})();
