// What the keyboard adds: "/" to the search, "g" and a letter to a page. Everything works without it.
"use strict";
let going = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (going) {
    going = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  } else if (event.key === "g") {
    going = true;
    setTimeout(() => { going = false; }, 1500);
  } else if (event.key === "/") {
    const search = document.querySelector("#search");
    if (search) { event.preventDefault(); search.focus(); }
    else if (document.querySelector('nav a[data-key="c"]')) document.querySelector('nav a[data-key="c"]').click();
  }
});
document.addEventListener("htmx:beforeRequest", () => { document.querySelector("#said").textContent = "Working…"; });
document.addEventListener("htmx:afterSettle", () => {
  const said = document.querySelector("#said"), heading = document.querySelector("#main h1");
  if (said && heading) said.textContent = heading.textContent.replace(/\s+/g, " ").trim();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) { event.detail.shouldSwap = true; event.detail.isError = false; }
});
