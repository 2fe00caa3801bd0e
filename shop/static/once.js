/* A form is sent once. A double click sends it twice: the browser then drops the first answer, which is the one that counts where a
   form may be answered only once (a consent), and shows the second, a refusal. */
(() => {
  "use strict";

  const AGAIN_AFTER = 20000; // milliseconds: a page that stays all that time (its answer was a file, or none came) is not stuck
  const sentAt = new WeakMap();

  // On the way up, so that forms which htmx or the chat sends themselves have been prevented already.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (event.timeStamp - (sentAt.get(form) ?? -Infinity) < AGAIN_AFTER) event.preventDefault();
    else sentAt.set(form, event.timeStamp);
  });

  // The same page, out of the browser's cache: going back is another time.
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) sentAt.delete(form);
  });
})();
