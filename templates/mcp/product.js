
const showProduct = async () => {
  const { product } = bridge.input();
  const again = await bridge.call("get_product", { product }, { words: `Please show me ${product} again.`, again: showProduct });
  if (again) bridge.show("product", again);
};

bridge.start({
  name: "product",
  drawings: { product: (product) => put(productDetail(product)) },
  drawingOf: (content) => content.variants && "product",
  again: () => bridge.input().product && { text: "Show it again", run: showProduct },
  words: () => (bridge.input().product ? `Please show me ${bridge.input().product} again.` : "Please show me that product again."),
});
