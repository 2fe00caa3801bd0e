"""Pages of other companies that host the shop's widgets, as stand-ins: a frame with a policy of its own, and what it is told.

Each speaks what a kind of hosts speaks: the messages of MCP Apps by hand, `window.openai` and nothing else, or the official
bridge of MCP Apps. What a widget asks for is passed on to the shop's `/mcp`.
"""

from __future__ import annotations

from typing import Any, Literal

from playwright.sync_api import Browser, Frame, FrameLocator, Page, Route

from shop.settings import ROOT
from tests.browser.devices import Device
from tests.mcp.host import Host
from tests.support.providers import BASE_URL

Theme = Literal["light", "dark"]

_ADDRESS = "http://host.example"
_PAGE = """<!doctype html><html lang="en"><title>A host</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><style>body{margin:0}iframe{width:100%%;border:0;display:block}</style>
<main><h1>A host</h1></main><script%s>%s
function framed(name) {
  const frame = Object.assign(document.createElement("iframe"), { title: "Widget", sandbox: "allow-scripts" });
  document.querySelector("main").append(frame);
  return frame;
}
</script>"""

_BY_HAND = """
window.heard = [];
window.show = (name, theme, args, result) => {
  const frame = framed(name);
  const send = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const hostCapabilities = { serverTools: {}, openLinks: {}, message: {} };
  window.addEventListener("message", async ({ source, data }) => {
    if (source !== frame.contentWindow || !result) return;
    window.heard.push(data);
    if (data.method === "ui/initialize") {
      const hostInfo = { name: "A host", version: "1" };
      send({ id: data.id, result: { protocolVersion: "2026-01-26", hostInfo, hostCapabilities, hostContext: { theme } } });
    } else if (data.method === "ui/notifications/initialized") {
      send({ method: "ui/notifications/tool-input", params: { arguments: args } });
      send({ method: "ui/notifications/tool-result", params: result });
    } else if (data.method === "ui/notifications/size-changed") {
      frame.style.height = data.params.height + "px";
    } else if (data.method === "tools/call") {
      send({ id: data.id, result: await window.callTool(data.params.name, data.params.arguments) });
    } else if (data.id !== undefined) {
      send({ id: data.id, result: {} });
    }
  });
  frame.src = "/widget/" + name;
};
"""

_OFFICIAL = """
import { AppBridge, PostMessageTransport } from "/app-bridge.js";
window.heard = [];
window.show = async (name, { context, capabilities, refuses, then }) => {
  const frame = framed(name);
  const bridge = new AppBridge(null, { name: "A host", version: "1" }, capabilities, { hostContext: context });
  const hear = (what, answer) => async (params) => {
    window.heard.push({ method: what, params });
    if (refuses[what] === "throw") throw new Error("Not here.");
    return refuses[what] ? { isError: true } : answer;
  };
  bridge.onmessage = hear("ui/message", {});
  bridge.onopenlink = hear("ui/open-link", {});
  bridge.onupdatemodelcontext = hear("ui/update-model-context", {});
  bridge.oncalltool = async (params) => {
    if (refuses["tools/call"]) throw new Error("Not here.");
    return window.callTool(params.name, params.arguments);
  };
  bridge.onsizechange = ({ height }) => { if (height) frame.style.height = height + "px"; };
  bridge.oninitialized = async () => {
    window.heard.push({ method: "capabilities", params: bridge.getAppCapabilities() });
    for (const [method, params] of then) await bridge[method](params);
  };
  window.bridge = bridge;
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.src = "/widget/" + name;
};
window.isReady = true;
"""

_OPENAI_ONLY = """<script>
window.heard = [];
const hear = (name, act = () => {}) => async (given) => { window.heard.push([name, given]); return act(given); };
const kept = %s;
window.openai = {
  theme: null, toolInput: null, toolOutput: null, widgetState: kept,
  callTool: (name, args) => window.callTool(name, args),
  sendFollowUpMessage: hear("sendFollowUpMessage"),
  openExternal: hear("openExternal"),
  setWidgetState: hear("setWidgetState"),
  notifyIntrinsicHeight: hear("notifyIntrinsicHeight"),
};
window.change = (globals) => {
  Object.assign(window.openai, globals);
  window.dispatchEvent(new CustomEvent("openai:set_globals", { detail: { globals } }));
};
</script>"""
"""What such a host has put into the frame before the widget's own script runs."""


class WidgetHost:
    """A page of another company with a frame in it, which speaks the messages of MCP Apps."""

    script, script_type = _BY_HAND, ""

    def __init__(self, browser: Browser, host: Host, device: Device, theme: Theme) -> None:
        self.host, self._theme = host, theme
        self.context = browser.new_context(**device.options())
        self.problems: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.route("**/*", self._answer)
        self.page.expose_function("callTool", host.call)

    @property
    def injected(self) -> str:
        """What it puts into the frame before the widget's script."""
        return ""

    def show(self, widget: str, tool: str, arguments: dict[str, Any]) -> FrameLocator:
        """What the person sees after their assistant called a tool."""
        self.page.goto(f"{_ADDRESS}/")
        self.page.evaluate("given => show(...given)", [widget, self._theme, arguments, self.host.call(tool, arguments)])
        return self.page.frame_locator("iframe")

    def heard(self, method: str) -> list[Any]:
        """What the widget asked for by one method."""
        said: list[dict[str, Any]] = self.page.evaluate("heard")
        return [one["params"] for one in said if one.get("method") == method]

    def end_patience(self) -> None:
        """Nobody waits in a test: the time in which an answer should have come is over."""
        self.frame.evaluate("document.getAnimations().forEach((timer) => timer.finish())")

    @property
    def frame(self) -> Frame:
        frame = self.page.locator("iframe").element_handle().content_frame()
        assert frame
        frame.wait_for_load_state()
        return frame

    def _answer(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(f"{_ADDRESS}/widget/"):
            (content,) = self.host.result(
                "resources/read", {"uri": f"ui://context-and-co/{url.rpartition('/')[2]}.html"}
            )["contents"]
            ours = " ".join(content["_meta"]["ui"]["csp"]["resourceDomains"])
            policy = f"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src {ours}; font-src {ours}"
            html = content["text"].replace("<script>", f"{self.injected}<script>", 1)
            route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": policy})
        elif url == f"{_ADDRESS}/":
            route.fulfill(body=_PAGE % (self.script_type, self.script), content_type="text/html")
        elif url == f"{_ADDRESS}/app-bridge.js":
            route.fulfill(
                path=ROOT / "shop" / "static" / "vendor" / "app-bridge.min.js", content_type="text/javascript"
            )
        elif url.startswith(f"{BASE_URL}/"):
            got = self.host.shop.app.test_client().get(url.removeprefix(BASE_URL), base_url=BASE_URL)
            route.fulfill(status=got.status_code, body=got.data, headers=dict(got.headers))
        else:
            self.problems.append(f"asked for {url}")
            route.abort()


class OpenAIOnly(WidgetHost):
    """A page of a host that has `window.openai` in the frame and says nothing by messages."""

    kept: str = "null"
    """The state that it kept of a frame before, as JSON."""

    @property
    def injected(self) -> str:
        return _OPENAI_ONLY % self.kept

    def show(self, widget: str, tool: str, arguments: dict[str, Any]) -> FrameLocator:
        """The result comes after the widget was loaded, as it does there."""
        frame = self.load(widget)
        output = self.host.call(tool, arguments)["structuredContent"]
        self.change(toolInput=arguments, toolOutput=output, theme=self._theme)
        return frame

    def load(self, widget: str) -> FrameLocator:
        """The widget, before there is a result."""
        self.page.goto(f"{_ADDRESS}/")
        self.page.evaluate("name => show(name)", widget)
        return self.page.frame_locator("iframe")

    def change(self, **values: object) -> None:
        """The host sets some of its globals anew, and says which."""
        self.frame.evaluate("values => change(values)", values)

    def heard(self, method: str) -> list[Any]:
        said: list[tuple[str, Any]] = self.frame.evaluate("() => heard")
        return [given for name, given in said if name == method]


class OfficialHost(WidgetHost):
    """A page of a host on the official bridge, which checks each message against its schema."""

    script, script_type = _OFFICIAL, ' type="module"'
    _CAN: dict[str, Any] = {
        "serverTools": {},
        "openLinks": {},
        "message": {"text": {}},
        "updateModelContext": {"text": {}},
    }

    def begin(
        self,
        widget: str,
        *then: tuple[str, dict[str, Any]],
        context: dict[str, Any] | None = None,
        refuses: dict[str, Any] | None = None,
    ) -> FrameLocator:
        """The widget in its frame, then what the bridge sends it (`sendToolResult`, …). `refuses`: methods, and how."""
        self.page.goto(f"{_ADDRESS}/")
        self.page.wait_for_function("() => window.isReady")
        given = {
            "context": {"theme": self._theme, **(context or {})},
            "capabilities": self._CAN,
            "refuses": refuses or {},
            "then": then,
        }
        self.page.evaluate("given => show(...given)", [widget, given])
        return self.page.frame_locator("iframe")

    def show(self, widget: str, tool: str, arguments: dict[str, Any], **how: Any) -> FrameLocator:
        result = self.host.call(tool, arguments)
        return self.begin(widget, ("sendToolInput", {"arguments": arguments}), ("sendToolResult", result), **how)
