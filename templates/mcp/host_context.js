
/* How the host looks: theme, style variables, fonts, language, time zone, safe areas (MCP Apps `hostContext`, or the globals of
   `window.openai`). It comes in parts, and each part stays until it is sent again. */

const hostContext = {};
const styleVariables = new Set();

function applyHostContext(changed) {
  Object.assign(hostContext, changed);
  const root = document.documentElement, { theme, styles, safeAreaInsets } = hostContext;
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (changed?.styles) { applyVariables(styles.variables ?? {}); applyFonts(styles.css?.fonts); }
  for (const side of ["top", "right", "bottom", "left"]) {
    const inset = safeAreaInsets?.[side];
    if (Number.isFinite(inset)) root.style.setProperty(`--safe-${side}`, `${Math.max(0, inset)}px`);
  }
  for (const time of document.querySelectorAll("time")) time.textContent = written(time.dateTime);
}

// Colours are taken together or not at all: the host's text on our background may be unreadable.
function applyVariables(variables) {
  const { style } = document.documentElement;
  const hasColours = variables["--color-background-primary"] && variables["--color-text-primary"];
  for (const name of styleVariables) style.removeProperty(name);
  styleVariables.clear();
  for (const [name, value] of Object.entries(variables)) {
    if (!/^--(color|font|border|shadow)-[a-z0-9-]+$/.test(name) || typeof value !== "string") continue;
    if (name.startsWith("--color-") && !hasColours) continue;
    style.setProperty(name, value);
    styleVariables.add(name);
  }
}

function applyFonts(css) {
  if (!css) return;
  const sheet = document.getElementById("host-fonts") ?? el("style", { id: "host-fonts" });
  sheet.textContent = css;
  document.head.append(sheet);
}

// A moment as the person of this host reads it; a language or a zone that the browser does not know is left out.
function written(at) {
  const how = { dateStyle: "medium", timeStyle: "short" };
  for (const [locale, timeZone] of [[hostContext.locale, hostContext.timeZone], [hostContext.locale], []]) {
    try {
      return new Date(at).toLocaleString(locale, { ...how, timeZone });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return at;
}

const when = (at) => el("time", { dateTime: at, textContent: written(at) });
