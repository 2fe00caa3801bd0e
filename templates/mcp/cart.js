
/* The cart: amounts are changed here. Ordering is not a button of ours: the person says it in the conversation, and confirms it on the
   shop's own page. */
function drawCart(cart) {
  const change = async (line, quantity) => {
    const words = quantity ? `Please make it ${quantity} × ${goodsOf(line)} in my cart.` : `Please take ${goodsOf(line)} out of my cart.`;
    const changed = await bridge.call("update_cart", { sku: line.sku, quantity }, { words, again: () => change(line, quantity) });
    if (!changed) return;
    bridge.show("cart", changed);
    bridge.inform(cartInWords(changed));
  };
  const amount = (line) => {
    const what = `${line.name}, ${line.colour}, ${line.size}`;
    return bridge.canCall() && el("div", { className: "amount" },
      button(`less-${line.sku}`, "−", () => change(line, line.quantity - 1), { ariaLabel: line.quantity > 1 ? `One less: ${what}` : `Take out: ${what}` }),
      el("b", { ariaLabel: `Quantity ${line.quantity}` }, line.quantity),
      button(`more-${line.sku}`, "+", () => change(line, line.quantity + 1), { ariaLabel: `One more: ${what}` }));
  };
  put(
    el("div", { className: "head" }, el("h2", {}, "Your cart"), el("p", { className: "quiet" }, items(cart.items))),
    cart.lines.length ? [linesOf(cart, amount), sumsOf(cart)] : el("p", {}, "Nothing is in it."),
    cart.skipped?.map((one) => el("p", { className: "quiet" }, `${one.name}: ${one.why}`)),
    cart.shortened && el("p", { className: "quiet" }, cart.shortened),
    cart.lines.length > 0 && el("div", { className: "actions" },
      button("order", "Ask to order this", () => bridge.tell("Please order what is in my cart."), { className: "primary" })));
}

const showCart = async () => {
  const cart = await bridge.call("view_cart", {}, { words: "What is in my cart?", again: showCart });
  if (cart) bridge.show("cart", cart);
};

bridge.start({
  name: "cart",
  drawings: { cart: drawCart },
  drawingOf: (content) => content.lines && content.delivery && !content.number && "cart",
  again: () => ({ text: "Show my cart", run: showCart }),
  words: () => "What is in my cart?",
});
