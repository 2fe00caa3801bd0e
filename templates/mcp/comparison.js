
/* Products side by side: a table that scrolls in itself where it is wider than its frame. */
function drawComparison({ products, rows, shortened }) {
  const draw = () => drawComparison({ products, rows, shortened });
  const heads = products.map((product) => el("th", { scope: "col" },
    picture(product.picture),
    el("button", { type: "button", className: "link", "data-key": product.product, onclick: () => openProduct(product, draw) }, product.name)));
  const lines = rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.label),
    row.values.slice(0, products.length).map((value) => el("td", {}, value)))); // a result that was cut has fewer products
  put(
    el("div", { className: "head" }, el("h2", { id: "title" }, "Side by side")),
    el("div", { className: "table", tabIndex: 0, role: "region", "aria-labelledby": "title" },
      el("table", { style: `min-width:${6 + 7.2 * products.length}rem` }, el("thead", {}, el("tr", {}, el("td"), heads)), el("tbody", {}, lines))),
    products.length < rows[0].values.length && el("p", { className: "quiet" }, shortened));
}

const compareAgain = async () => {
  const { products } = bridge.input();
  const compared = await bridge.call("compare_products", { products }, { words: wordsToCompare(), again: compareAgain });
  if (compared) bridge.show("comparison", compared);
};

const wordsToCompare = () => {
  const { products } = bridge.input();
  return products?.length ? `Please compare ${products.join(" and ")} again.` : "Please compare these products again.";
};

bridge.start({
  name: "comparison",
  drawings: { comparison: drawComparison },
  drawingOf: (content) => content.rows && content.products && "comparison",
  again: () => bridge.input().products && { text: "Compare again", run: compareAgain },
  words: wordsToCompare,
});
