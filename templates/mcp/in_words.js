
/* A cart in words, for the model: it reads what its person changed here. */
const goodsOf = (line) => `${line.name} (${line.colour}, ${line.size})`;

function cartInWords(cart) {
  const lines = cart.lines.map((line) => `${line.quantity} × ${goodsOf(line)}`).join("; ");
  const more = cart.shortened ? " and more" : "";
  return cart.items
    ? `The person changed their cart in the widget. It now holds ${items(cart.items)}: ${lines}${more}. Total with delivery: ${cart.total.text}.`
    : "The person changed their cart in the widget. It is empty now.";
}
