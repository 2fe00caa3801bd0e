
/* A product in full: colour and size are chosen here, and what is chosen goes into the cart by the assistant's tool. */
function productDetail(product, back = null) {
  const { variants } = product;
  let chosen = variants.find((variant) => variant.in_stock) ?? variants[0];
  const missing = product.shortened ? "Not shown here: ask for it in the conversation" : "Not made"; // a result may have been cut
  const image = picture(product.picture);
  const [price, stock] = [el("p", { className: "money" }), el("p", { className: "quiet" })];
  const add = button("add", "Add to cart", async () => {
    const cart = await bridge.call("add_to_cart", { sku: chosen.sku, quantity: 1 });
    if (cart) say(`It is in the cart: ${cart.items} ${cart.items === 1 ? "item" : "items"}, ${cart.total.text} with delivery.`);
  }, { className: "primary" });

  function follow() {
    price.textContent = chosen?.price.text ?? product.price.text;
    stock.textContent = !chosen ? missing : chosen.in_stock ? (chosen.stock ? `${chosen.stock} in stock` : "In stock") : "Sold out";
    add.disabled = !chosen?.in_stock || !bridge.canCall();
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
