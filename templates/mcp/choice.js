
/* A product in full: colour and size are chosen here, and what is chosen goes into the cart by the assistant's tool. */
function productDetail(product, back = null) {
  const { variants } = product;
  let chosen = variants.find((variant) => variant.in_stock) ?? variants[0];
  const missing = product.shortened ? "Not shown here: ask for it in the conversation" : "Not made"; // a result may have been cut
  const image = picture(product.picture);
  const [price, stock] = [el("p", { className: "money" }), el("p", { className: "quiet" })];

  const putIn = async () => {
    const words = `Please put ${product.name} (${chosen.colour}, ${chosen.size}) into my cart.`;
    if (!bridge.canCall()) return bridge.tell(words);
    const cart = await bridge.call("add_to_cart", { sku: chosen.sku, quantity: 1 }, { words, again: putIn });
    if (!cart) return;
    bridge.inform(cartInWords(cart));
    say(`It is in the cart: ${items(cart.items)}, ${cart.total.text} with delivery.`);
  };
  const add = button("add", bridge.canCall() ? "Add to cart" : "Ask to add it", putIn, { className: "primary" });

  function follow() {
    price.textContent = chosen?.price.text ?? product.price.text;
    stock.textContent = !chosen ? missing : chosen.in_stock ? (chosen.stock ? `${chosen.stock} in stock` : "In stock") : "Sold out";
    add.disabled = !chosen?.in_stock;
    const [folder, name] = product.picture.split(/\/(?=[^/]*$)/);
    if (chosen && name === `${product.colours[0]}.svg`) image.src = `${folder}/${chosen.colour}.svg`;
  }

  function picks(kind, values) {
    if (values.length < 2) return null;
    return el("fieldset", {}, el("legend", {}, kind === "colour" ? "Colour" : "Size"), values.map((value) => {
      const radio = el("input", { type: "radio", name: kind, value, checked: chosen?.[kind] === value });
      radio.addEventListener("change", () => choose(kind, value));
      return el("label", {}, radio, value);
    }));
  }

  const wanted = { colour: chosen?.colour, size: chosen?.size };
  function choose(kind, value) {
    wanted[kind] = value;
    chosen = variants.find((variant) => variant.colour === wanted.colour && variant.size === wanted.size);
    follow();
  }

  follow();
  return el("article", { className: "product" }, image, el("div", {},
    el("h2", {}, product.name),
    el("p", {}, product.description ?? product.tagline),
    picks("colour", product.colours), picks("size", product.sizes),
    el("div", {}, price, stock),
    el("div", { className: "actions" }, add, back && button("back", "Back to all", back))));
}

/* One product of several, opened in their place. `back` draws the others again, and the person is at the one that they had opened. */
async function openProduct({ product, name }, back) {
  const words = `Please show me ${name}.`;
  if (!bridge.canCall()) { bridge.tell(words); return; }
  const detail = await bridge.call("get_product", { product }, { words, again: () => openProduct({ product, name }, back) });
  if (!detail) return;
  const close = () => { say(""); back(); focusOn(controlOf(product)); };
  put(productDetail(detail, close));
  focusOn(view.querySelector("h2"));
}
