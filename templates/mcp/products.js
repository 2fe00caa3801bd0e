
/* What a search found. One is opened in place; more are asked for by the same search. */
function drawProducts(found) {
  const seen = found.offset + found.products.length;
  const open = async (product) => {
    const detail = await bridge.call("get_product", { product });
    if (detail) { put(productDetail(detail, () => { say(""); drawProducts(found); })); view.querySelector("button, input")?.focus(); }
  };
  const more = async (offset) => {
    const next = await bridge.call("search_products", { ...bridge.input(), offset });
    if (next) drawProducts(next);
  };
  put(
    el("div", { className: "head" },
      el("h2", {}, found.count ? `${found.count_is_exact ? "" : "More than "}${found.count} found` : "Nothing found"),
      found.corrected_query && el("p", { className: "quiet" }, `Looked for “${found.corrected_query}”`)),
    el("ul", { className: "grid" }, found.products.map((product) => el("li", {},
      el("button", { type: "button", "data-key": product.product, disabled: !bridge.canCall(), onclick: () => open(product.product) },
        picture(product.picture), el("b", {}, product.name), el("span", { className: "quiet" }, product.tagline), money(product.price))))),
    bridge.canCall() && (seen < found.count || found.offset > 0) && el("div", { className: "actions" },
      found.offset > 0 && button("first", "From the beginning", () => more(0)),
      seen < found.count && button("more", "Show more", () => more(seen))));
}

bridge.start("products", drawProducts);
