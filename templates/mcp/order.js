
/* An order, or that it waits: the decision is made on the shop's own page, where the person signs in themselves. */
function drawWaiting(waiting) {
  const ask = async () => {
    const approval = await bridge.call("check_approval", { approval: waiting.approval });
    if (!approval) return;
    const order = approval.done?.order && await bridge.call("get_order", { number: approval.done.order });
    if (order) drawOrder(order);
    else say(approval.message);
  };
  put(el("section", { className: "waiting" },
    el("h2", {}, "Waiting for you to confirm"),
    el("p", {}, "Nothing has been ordered yet. The shop's own page shows exactly what will happen, and you decide there."),
    el("div", { className: "actions" },
      button("open", "Open the shop's page", () => bridge.open(waiting.approve_at), { className: "primary" }),
      bridge.canCall() && button("ask", "I have decided", ask))));
}

function drawOrder(order) {
  const again = async () => {
    const now = await bridge.call("get_order", { number: order.number });
    if (now) { drawOrder(now); say(`As of now: ${now.status}.`); }
  };
  put(
    el("div", { className: "head" }, el("h2", {}, `Order ${order.number}`), el("p", { className: "quiet" }, `Placed by ${order.placed_by}`)),
    el("ol", { className: "way", ariaLabel: "Where it is" }, order.timeline.map((step) =>
      el("li", { className: step.done ? "done" : "" }, step.at ? `${step.label} ${new Date(step.at).toLocaleDateString()}` : step.label))),
    linesOf(order), sumsOf(order),
    el("p", { className: "quiet" }, `To ${order.address.name}: ${order.address.text}`),
    order.shortened && el("p", { className: "quiet" }, order.shortened),
    bridge.canCall() && el("div", { className: "actions" }, button("again", "Look again", again)));
}

bridge.start("order", (result) => (result.waiting_for ? drawWaiting(result) : drawOrder(result)));
