
/* What a search found. One is opened in place; more are asked for by the same search, which the result itself says: not every host
   tells a widget what its tool was called with. */
function drawProducts(found) {
  const seen = found.offset + found.products.length;
  const draw = () => drawProducts(found);
  put(
    el("div", { className: "head" },
      el("h2", {}, found.count ? `${found.count_is_exact ? "" : "More than "}${found.count} found` : "Nothing found"),
      found.corrected_query && el("p", { className: "quiet" }, `Looked for “${found.corrected_query}”`),
      (seen < found.count || found.offset > 0) && el("p", { className: "quiet" }, `${found.offset + 1} to ${seen}`)),
    el("ul", { className: "grid" }, found.products.map((product) => el("li", { "data-line": "" },
      el("button", { type: "button", "data-key": product.product, onclick: () => openProduct(product, draw) },
        picture(product.picture), el("b", {}, product.name), el("span", { className: "quiet" }, product.tagline), money(product.price))))),
    bridge.canCall() && (seen < found.count || found.offset > 0) && el("div", { className: "actions" },
      found.offset > 0 && button("first", "From the beginning", () => search(found, 0)),
      seen < found.count && button("more", "Show more", () => search(found, seen))));
}

async function search(found, offset) {
  const filters = found?.search ?? bridge.input();
  const words = offset ? "Please show me more of these." : "Please search again.";
  const result = await bridge.call("search_products", { ...filters, offset }, { words, again: () => search(found, offset) });
  if (result) bridge.show("products", result);
}

bridge.start({
  name: "products",
  drawings: { products: drawProducts },
  drawingOf: (content) => content.products && !content.rows && "products",
  again: () => ({ text: "Search again", run: () => search(null, 0) }),
  words: () => "Please search again.",
});
