// What a script adds: "/" to the search, "g" and a letter to a page, "?" to the list of keys, and copying a command.
// Everything works without it.
"use strict";
let going = false;
const typing = (node) => node.closest("input, select, textarea, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (going) {
    going = false;
    const link = document.querySelector(`nav.side a[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
  } else if (event.key === "g") {
    going = true;
    setTimeout(() => { going = false; }, 1500);
  } else if (event.key === "?") {
    const keys = document.querySelector("#keys");
    if (keys && keys.togglePopover) keys.togglePopover();
  } else if (event.key === "/") {
    const side = document.querySelector("#pages"), search = document.querySelector("#search") ?? document.querySelector("#find");
    if (!search) return;
    event.preventDefault();
    if (side.contains(search) && !search.getClientRects().length && side.showPopover) side.showPopover();
    search.focus();
  }
});

function copying(within) {
  if (!navigator.clipboard) return;
  for (const node of within.querySelectorAll("[data-copy]")) {
    if (node.nextElementSibling?.matches(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy plain";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${node.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(node.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    node.after(button);
  }
}
copying(document);

const said = (text) => { const live = document.querySelector("#said"); if (live) live.textContent = text; };
document.addEventListener("htmx:beforeRequest", (event) => { if (!event.target.closest("[data-live]")) said("Working…"); });
document.addEventListener("htmx:afterSettle", (event) => {
  copying(document);
  if (event.target.closest("[data-live]")) return;  // it has a live region of its own
  const heading = document.querySelector("#main h1");
  if (heading) said(heading.textContent.replace(/\s+/g, " ").trim());
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) { event.detail.shouldSwap = true; event.detail.isError = false; }
});
