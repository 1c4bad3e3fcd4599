// Puts one button on a site that opens Wren's chat in a frame. It fetches nothing, keeps nothing and reads nothing of the page but its language.
(function (wren) {
  "use strict";
  var script = document.currentScript, home = new URL(script.src).origin;
  var own = (document.documentElement.lang || "en").toLowerCase().split("-")[0];
  var asked = script.dataset.lang || (own !== "en" && wren.words[own] ? own : "");
  var lang = wren.words[asked] ? asked : "en", words = wren.words[lang];
  var query = new URLSearchParams();
  if (asked) query.set("lang", lang); // a page in English asks for nothing: the reader's browser may know better
  if (script.dataset.campaign) query.set("c", script.dataset.campaign);
  var after = String(query) && "?" + query;

  function make(name, given) {
    var element = document.createElement(name);
    Object.keys(given).forEach(function (key) { element.setAttribute(key, given[key]); });
    return element;
  }
  function style(shadow) { // a sheet made here needs no leave of the site's policy; an older browser gets an element
    try {
      var sheet = new CSSStyleSheet();
      sheet.replaceSync(wren.css);
      shadow.adoptedStyleSheets = [sheet];
    } catch (error) {
      shadow.appendChild(make("style", {})).textContent = wren.css;
    }
  }
  function link() { // where no frame can be shown, the chat is a page
    var element = make("a", { "class": "open", href: home + "/chat" + after, target: "_blank", rel: "noopener" });
    element.textContent = words.open;
    return element;
  }
  function chat(shadow) {
    var button = make("button", { "class": "open", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false" });
    var dialog = make("dialog", { "aria-label": words.open }), close = make("button", { "class": "close", type: "button" });
    var frame = make("iframe", {
      title: words.open,
      referrerpolicy: "no-referrer",
      sandbox: ["allow-scripts", "allow-same-origin", "allow-forms", "allow-popups", "allow-popups-to-escape-sandbox",
        "allow-top-navigation-by-user-activation"].join(" ") // the last for leaving quickly, and for telephone links
    });
    button.textContent = words.open;
    close.textContent = words.close;
    dialog.append(close, frame);
    button.addEventListener("click", function () {
      if (!frame.src) frame.src = home + "/embed" + after; // nothing is loaded before somebody asks
      dialog.showModal();
      button.setAttribute("aria-expanded", "true");
      frame.focus();
    });
    close.addEventListener("click", function () { dialog.close(); });
    dialog.addEventListener("close", function () {
      button.setAttribute("aria-expanded", "false");
      button.focus();
    });
    window.addEventListener("message", function (event) { // Escape was pressed in the frame
      if (event.source === frame.contentWindow && event.origin === home && event.data === "wren-close") dialog.close();
    });
    shadow.append(button, dialog);
  }
  function place() {
    var root = make("div", { lang: lang, dir: words.dir }), shadow = root.attachShadow({ mode: "open" });
    var allowed = wren.origins.indexOf(window.location.origin) >= 0;
    style(shadow);
    if (allowed && window.HTMLDialogElement) chat(shadow);
    else shadow.append(link());
    if (!allowed) {
      console.error("Wren: the chat is only linked, not shown, on " + window.location.origin + ". Whoever runs " + home + " can add this site to WREN_EMBED_ORIGINS.");
    }
    document.body.appendChild(root);
  }
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})(WREN_FACTS);
