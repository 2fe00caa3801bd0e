/* The assistant at hand on each page of the shop. Until somebody opens it, this is all that a page pays for it: the chat, its script and
   its styles are fetched then. On a wide screen the panel stands beside the page, on a phone it is a sheet over it. */

const dock = document.getElementById("dock");
const [link, panel] = [document.getElementById("dock-open"), document.getElementById("dock-panel")];
const isPhone = matchMedia("(max-width: 820px)");

// A link for where no script runs; with one, it is the button that it looks like.
const opener = document.createElement("button");
opener.type = "button";
opener.id = link.id;
opener.className = link.className;
opener.setAttribute("aria-expanded", "false");
opener.setAttribute("aria-controls", panel.id);
opener.append(...link.childNodes);
link.replaceWith(opener);

const added = (tag, attributes, parent) => new Promise((resolve, reject) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.addEventListener("load", resolve);
  element.addEventListener("error", reject);
  parent.append(element);
});

let parts = null; // the chat's styles and scripts, once they are asked for

function loaded() {
  parts ??= Promise.all([
    import("./chat/start.js"),
    added("script", { src: dock.dataset.sse }, document.head),
    added("link", { rel: "stylesheet", href: dock.dataset.sheet }, document.head),
  ]).then(([{ start }]) => start);
  return parts;
}

async function fill(query = {}) {
  const page = new URLSearchParams({ page: location.pathname + location.search, ...query });
  const [start, answer] = await Promise.all([loaded(), fetch(`/assistant/dock?${page}`, { headers: { "HX-Request": "true" } })]);
  if (!answer.ok) throw new Error(String(answer.status));
  panel.innerHTML = await answer.text(); // of this shop's own templates; what a model wrote in it is sanitised there
  const root = panel.firstElementChild;
  htmx.process(root);
  start(root, { moved: ({ href }) => { panel.querySelector("#dock-full").href = href; } });
}

async function open() {
  opener.disabled = true;
  try {
    if (!panel.firstElementChild) await fill();
  } catch {
    location.assign(link.href); // signed out, or the shop did not answer: its own page says so
    return;
  } finally {
    opener.disabled = false;
  }
  opener.setAttribute("aria-expanded", "true");
  if (isPhone.matches) panel.showModal();
  else panel.show();
  const field = panel.querySelector("#message");
  if (matchMedia("(hover: hover)").matches) field.focus({ preventScroll: true });
  const log = panel.querySelector("#log");
  if (log.querySelector(".turn")) log.scrollTop = log.scrollHeight;
}

opener.addEventListener("click", () => (panel.open ? panel.close() : open()));
panel.addEventListener("close", () => {
  opener.setAttribute("aria-expanded", "false");
  opener.focus();
});
panel.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !panel.matches(":modal")) panel.close(); // a modal one closes by itself
});
panel.addEventListener("click", (event) => {
  if (event.target.closest("#dock-close") || event.target === panel) panel.close();
  if (event.target.closest("#dock-new")) fill({ new: "1" }).catch(() => location.assign(link.href));
});
// The page may have changed under the open dock: a message is about the page as it is when it is sent.
panel.addEventListener("submit", (event) => {
  const page = event.target.elements.page;
  if (page) page.value = location.pathname + location.search;
}, { capture: true });
