/* The chat on a page of its own. */

import { start } from "./start.js";

const title = document.getElementById("title");

start(document.getElementById("chat"), {
  moved({ title: words, href }) {
    history.replaceState(history.state, "", href);
    title.textContent = words;
    document.title = document.title.replace(/^[^·]+?(?= ·|$)/, words);
  },
});
