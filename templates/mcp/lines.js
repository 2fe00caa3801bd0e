
/* Lines of a cart or an order, and what they add up to. */
const linesOf = (goods, controls = () => null) => el("ul", { className: "lines" }, goods.lines.map((line) => el("li", { "data-line": "" },
  picture(line.picture),
  el("div", {}, el("h3", {}, line.name), el("p", { className: "quiet" }, `${line.colour}, ${line.size} · ${line.quantity} × ${line.unit_price.text}`), controls(line)),
  money(line.line_total))));

const sumsOf = (goods) => el("dl", { className: "sums" },
  el("dt", {}, "Delivery"), el("dd", {}, money(goods.delivery)),
  el("dt", {}, el("b", {}, "Total")), el("dd", {}, money(goods.total)));
