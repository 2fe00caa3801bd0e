
/* What a call's result says, in whatever shape a host passes it on: structured, as text only, or as OpenAI's `{result}`. */

const textOf = (result) => (result?.content ?? []).filter((part) => part.type === "text").map((part) => part.text).join("\n");

// The structured result; null where it is an error, or where the host passed on text only.
function contentOf(result) {
  if (!result || result.isError) return null;
  if (result.structuredContent) return result.structuredContent;
  try {
    const content = JSON.parse(result.result ?? textOf(result));
    return content && typeof content === "object" && !Array.isArray(content) ? content : null;
  } catch {
    return null;
  }
}

// The shop words a refusal for a model, which speaks of "this person". Here the person reads it.
const REFUSED = {
  blocked: "An administrator of your organization has blocked this assistant.",
  consent_needed: "You or your organization have not allowed this assistant to do this.",
  not_permitted: "You may not do this. The shop's page tells you why.",
  over_limit: "This is over a limit. The shop's page tells you which one, and what you can do.",
  paused: "This assistant is paused.",
  signed_out: "The sign-in that this assistant works under has ended.",
  stopped: "An administrator of your organization has stopped all assistants.",
  suspended: "Your account is suspended.",
};

const field = (result, name) =>
  result?.structuredContent?.[name] ?? new RegExp(`^${name.replaceAll("_", " ")}: (.+)$`, "m").exec(textOf(result))?.[1];

function wordsOf(result) {
  if (whyOf(result) && Object.hasOwn(REFUSED, field(result, "code"))) return REFUSED[field(result, "code")];
  return field(result, "message") ?? (textOf(result) || (typeof result?.result === "string" && result.result) || "That did not work.");
}

// The shop's page that explains a refusal; nothing where there is none.
function whyOf(result) {
  const page = field(result, "person_reads_why_at");
  return page?.startsWith(`${SHOP}/`) ? page : null;
}

// The page on which a person decides what waits, wherever a host's words name it.
function waitingIn(words) {
  const start = words?.indexOf(`${SHOP}/approvals/rcp_`) ?? -1;
  const approval = start < 0 ? null : /^\/approvals\/(rcp_\w+)/.exec(words.slice(start + SHOP.length))?.[1];
  return approval ? { waiting_for: "approval", approval, approve_at: pageOf(approval) } : null;
}

const pageOf = (approval) => `${SHOP}/approvals/${approval}`;
