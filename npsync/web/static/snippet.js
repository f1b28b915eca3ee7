// npsync: shows a survey in a corner of your product, for the person who is signed in.
//
//   <script src="https://feedback.example.com/snippet.js" data-survey="LINK" defer></script>
//
// or, whenever it suits:  npsync.show(LINK)  and  npsync.hide().  LINK comes from your own server, which asks
// POST /api/v1/pending. Your Content-Security-Policy needs script-src and frame-src for the address above; nothing
// inline is used. data-title and data-close name the panel and its button for screen readers, in your language.
"use strict";
(() => {
  const script = document.currentScript;
  const home = new URL(script.src);
  const STYLE = `
    :host { all: initial; }
    .panel { position: fixed; inset-block-end: 16px; inset-inline-end: 16px; z-index: 2147483000; overflow: hidden;
      width: min(440px, calc(100vw - 32px)); max-height: calc(100vh - 32px); border-radius: 6px;
      border: 1px solid #cbd2d9; background: #fff; box-shadow: 0 8px 28px rgb(15 20 25 / .18); }
    .close { position: absolute; inset-block-start: 4px; inset-inline-end: 4px; width: 44px; height: 44px; padding: 0;
      border: 0; border-radius: 6px; background: none; color: #4f5b69; font: 22px/1 system-ui, sans-serif; cursor: pointer; }
    .close:focus-visible { outline: 3px solid #4338ca; outline-offset: -3px; }
    iframe { display: block; width: 100%; height: 260px; max-height: calc(100vh - 34px); border: 0; }
    @media (prefers-color-scheme: dark) {
      .panel { background: #171e26; border-color: #2a343f; } .close { color: #a4b0be; } }`;
  let shown = null;

  const remembered = (link, now) => {
    const key = "npsync:closed:" + link;
    try {
      if (now) sessionStorage.setItem(key, "1");
      return sessionStorage.getItem(key) === "1";
    } catch {
      return false; // storage may be forbidden; then it is shown again on the next page
    }
  };

  const part = (name, attributes) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const hide = () => {
    if (!shown) return;
    window.removeEventListener("message", shown.heard);
    shown.host.remove();
    if (shown.before && shown.before.isConnected && shown.inside()) shown.before.focus();
    shown = null;
  };

  const show = (link) => {
    const address = new URL(link, home);
    if (address.origin !== home.origin) throw new Error("npsync: " + address.origin + " is not " + home.origin);
    if (shown || remembered(address.pathname)) return;
    address.searchParams.set("embed", "1");
    const host = part("npsync-survey", {});
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const title = script.dataset.title || "Survey";
    const panel = part("section", { class: "panel", role: "dialog", "aria-label": title });
    const frame = part("iframe", { src: address.href, title, referrerpolicy: "no-referrer" });
    const close = part("button", { class: "close", type: "button", "aria-label": script.dataset.close || "Close" });
    close.textContent = "×";
    const done = () => {
      remembered(address.pathname, true);
      hide();
    };
    const heard = (event) => {
      if (event.source !== frame.contentWindow || event.origin !== home.origin || !event.data) return;
      if (event.data.npsync === "size") frame.style.height = Math.min(2000, Number(event.data.height) || 0) + "px";
      if (event.data.npsync === "done") remembered(address.pathname, true);
      if (event.data.npsync === "close") done();
    };
    close.addEventListener("click", done);
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done();
    });
    window.addEventListener("message", heard);
    panel.append(frame, close);
    root.append(panel);
    document.body.append(host);
    // It takes no focus: whoever is typing goes on typing. Closing gives back the focus it had been given.
    shown = { host, heard, before: document.activeElement, inside: () => root.activeElement !== null || document.activeElement === document.body };
  };

  window.npsync = Object.freeze({ show, hide });
  if (script.dataset.survey) show(script.dataset.survey);
})();
