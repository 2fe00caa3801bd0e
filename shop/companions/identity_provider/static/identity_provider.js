/* A second click on a card while the first is under way would answer the request twice, and the second answer is
   refused. Without this script everything works; only the double click ends on an explanation. */
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
/* A page that comes back from the browser's cache may be used again. */
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
