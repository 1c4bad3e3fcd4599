// Inside another site's page: keeps the chat's key and visit where the browser lets a frame keep anything, and nothing before something was sent.
(function () {
  "use strict";
  var log = document.getElementById("log"), KEY = "wren-key", VISIT = "wren-visit";
  var key = log ? log.dataset.key : "", mark = log ? log.dataset.mark : "";

  // Some browsers give a frame a store of its own, others only a cookie that is kept apart for each site around it. The server reads neither.
  function get(store, name) {
    try { return window[store].getItem(name) || ""; } catch (error) {
      var found = document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)"));
      return found ? decodeURIComponent(found[1]) : "";
    }
  }
  function set(store, name, value) {
    try { if (value) window[store].setItem(name, value); else window[store].removeItem(name); } catch (error) {
      var age = value ? (store === "localStorage" ? 180 * 86400 : log.dataset.visit) : 0;
      document.cookie = [name + "=" + encodeURIComponent(value), "path=/embed", "secure", "samesite=none", "partitioned", "max-age=" + age].join("; ");
    }
  }
  function seen() {
    if (mark) set("sessionStorage", VISIT, mark + " " + Date.now());
  }
  function last() { // the mark of the visit that this tab was on, if that was a moment ago
    var parts = get("sessionStorage", VISIT).split(" ");
    return Date.now() - parts[1] < log.dataset.visit * 1000 ? parts[0] : "";
  }
  function endVisit() {
    mark = "";
    set("sessionStorage", VISIT, "");
  }
  function comeBack(known) { // by a form: an address would be logged
    var form = document.createElement("form"), place = new URLSearchParams(window.location.search);
    var fields = { key: known, visit: last(), lang: place.get("lang") || "", c: place.get("c") || "" };
    Object.keys(fields).forEach(function (name) {
      var field = document.createElement("input");
      field.type = "hidden"; field.name = name; field.value = fields[name];
      form.appendChild(field);
    });
    form.method = "post"; form.action = "/embed"; form.hidden = true;
    document.body.hidden = true;
    document.body.appendChild(form).submit();
  }
  function close() { // says no more than that, so whoever hears it may
    window.parent.postMessage("wren-close", "*");
  }

  window.wrenPlace = {
    headers: function () { return { Authorization: "Bearer " + key, "Wren-Visit": mark }; },
    sent: function (answer) {
      mark = answer.headers.get("Wren-Visit") || mark;
      set("localStorage", KEY, key);
      seen();
    },
    seen: seen,
    endVisit: endVisit,
    leave: function (href) { // the site's page goes too, with no way back to it by the back button
      close();
      try { window.top.location.replace(href); } catch (error) { window.open(href, "_top"); }
    }
  };
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && !event.isComposing) close();
  });
  document.addEventListener("click", function (event) { // other pages let no frame show them
    var link = event.target.closest ? event.target.closest("a[href]") : null;
    if (link && /^https?:$/.test(link.protocol) && link.pathname !== "/embed" && link.target !== "_top") link.target = "_blank";
  }, true);
  document.addEventListener("submit", function (event) {
    if (event.target.getAttribute("action") === "/embed/leave") { endVisit(); set("localStorage", KEY, ""); }
  }, true);
  if (log && log.dataset.posted) seen();
  else if (log && get("localStorage", KEY)) comeBack(get("localStorage", KEY));
})();
