/* Cards that can be chosen from, and buttons that are there only while they can do something. What a button does is asked of the shop
   again: a late click is answered in words. */

function follow(form) {
  const variants = JSON.parse(form.dataset.variants);
  if (variants.length < 2) return;
  const radios = [...form.querySelectorAll("input[type=radio]")];
  const wanted = Object.fromEntries(radios.filter((radio) => radio.checked).map((radio) => [radio.dataset.kind, radio.value]));
  const fits = (variant, wish) => Object.entries(wish).every(([kind, value]) => variant[kind] === value);
  const chosen = variants.find((variant) => fits(variant, wanted));
  for (const radio of radios) {
    const wish = { ...wanted, [radio.dataset.kind]: radio.value };
    radio.closest("label").classList.toggle("gone", !variants.some((variant) => variant.in_stock && fits(variant, wish)));
  }
  const [price, out, add] = ["price", "out", "add"].map((name) => form.querySelector(`[data-${name}]`));
  form.elements.sku.value = chosen?.sku ?? "";
  if (chosen) {
    price.textContent = chosen.price;
    const picture = form.closest(".card").querySelector("[data-picture]");
    if (picture.getAttribute("src") !== chosen.picture) picture.src = chosen.picture;
  }
  out.textContent = chosen ? "sold out" : "not made";
  out.hidden = Boolean(chosen?.in_stock);
  if (add) add.disabled = !chosen?.in_stock;
}

export function cards(chat) {
  const { root } = chat;
  let timer = null;

  root.addEventListener("change", (event) => {
    const form = event.target.closest("form.choose");
    if (form) follow(form);
  });

  // A window that has an end closes by itself.
  function closeWindows() {
    clearTimeout(timer);
    const open = [...root.querySelectorAll("[data-until]:not([hidden])")];
    const left = open.map((form) => [form, Date.parse(form.dataset.until) - Date.now()]);
    for (const [form, ms] of left) form.hidden = ms <= 0;
    const next = Math.min(...left.map(([, ms]) => ms).filter((ms) => ms > 0));
    if (Number.isFinite(next)) timer = setTimeout(closeWindows, Math.min(next, 2 ** 31 - 1));
  }

  return () => {
    const undoable = chat.byId("undoable").dataset.call;
    for (const undo of root.querySelectorAll("form.undo")) undo.hidden = undo.dataset.call !== undoable;
    for (const form of root.querySelectorAll("form.choose:not([data-ready])")) {
      form.dataset.ready = "";
      follow(form);
    }
    closeWindows();
  };
}
