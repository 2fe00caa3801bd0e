
/* An order, or that it waits: the decision is made on the shop's own page, where the person signs in themselves. */
function drawWaiting(waiting) {
  put(el("section", { className: "waiting" },
    el("h2", {}, "Waiting for you to confirm"),
    el("p", {}, waiting.dismissed
      ? "You closed the question without deciding. Nothing has been ordered. It still waits on the shop's own page: decide there, or leave it, and it lapses."
      : "Nothing has been ordered yet. The shop's own page shows exactly what will happen, and you decide there."),
    el("div", { className: "actions" },
      button("open", "Open the shop's page", () => bridge.open(waiting.approve_at), { className: "primary" }),
      bridge.canCall()
        ? button("ask", "I have decided", () => askAbout(waiting.approval))
        : button("ask", "I have decided", () => bridge.tell("I have decided on the shop's page. Please check what became of my order.")))));
}

/* What became of what waits: of the receipt that is named, else of the latest one of this conversation. */
async function askAbout(receipt) {
  const words = "Please check what became of my order.";
  const args = receipt ? { approval: receipt } : {};
  const approval = await bridge.call("check_approval", args, { words, again: () => askAbout(receipt) });
  if (!approval) return;
  if (approval.done?.order) await showOrder(approval.done.order);
  else if (approval.state === "open" && !receipt) bridge.show("waiting", { approval: approval.approval, approve_at: pageOf(approval.approval) });
  else say(approval.message);
}

async function showOrder(number) {
  const order = await bridge.call("get_order", { number }, { words: `Please show me order ${number}.`, again: () => showOrder(number) });
  if (order) bridge.show("order", order);
  return order;
}

function drawOrder(order) {
  const again = async () => {
    const now = await showOrder(order.number);
    if (now) say(`As of now: ${now.status}.`);
  };
  put(
    el("div", { className: "head" }, el("h2", {}, `Order ${order.number}`), el("p", { className: "quiet" }, `Placed by ${order.placed_by}`)),
    el("ol", { className: "way", ariaLabel: "Where it is" }, order.timeline.map((step) =>
      el("li", { className: step.done ? "done" : "" }, step.label, step.at && when(step.at)))),
    linesOf(order), sumsOf(order),
    el("p", { className: "quiet" }, `To ${order.address.name}: ${order.address.text}`),
    order.shortened && el("p", { className: "quiet" }, order.shortened),
    bridge.canCall() && el("div", { className: "actions" }, button("again", "Look again", again)));
}

/* A call that was stopped may have left something that waits: the host was told *cancel* where it asked to open the shop's page. Some
   hosts pass on the error's words then, which name the page. */
function stopped(reason) {
  const waiting = waitingIn(reason);
  if (waiting) bridge.show("waiting", { ...waiting, dismissed: true });
  else if (bridge.input().number) return false;
  else bridge.fail("This was stopped before the shop's answer came. Nothing is ordered until you confirm it on the shop's own page.", bridge.nextSteps());
  return true;
}

bridge.start({
  name: "order",
  drawings: { order: drawOrder, waiting: drawWaiting },
  drawingOf: (content) => (content.waiting_for ? "waiting" : content.timeline && "order"),
  fromText: waitingIn,
  cancelled: stopped,
  again: () => {
    const { number } = bridge.input();
    return number ? { text: "Show the order", run: () => showOrder(number) } : { text: "See what became of it", run: () => askAbout() };
  },
  words: () => (bridge.input().number ? `Please show me order ${bridge.input().number}.` : "Please check what became of my order."),
});
