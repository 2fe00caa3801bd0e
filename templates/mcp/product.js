
bridge.start("product", (product) => put(productDetail(product)));
