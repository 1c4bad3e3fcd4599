// Makes the chat live: sends without leaving the page, and shows new messages as they come. Without it every part still works.
(function () {
  "use strict";
  var log = document.getElementById("log"), say = document.getElementById("say"), box = document.getElementById("text");
  var status = document.getElementById("status"), refresh = document.getElementById("refresh"), exit = document.getElementById("exit");
  if (!log || !say || !window.fetch || !window.ReadableStream || !window.URLSearchParams) return;
  var told = say.dataset, position = log.dataset.position, line = null, dropped = false, draft = "wren-draft", first = null, since = 0, away = 0;
  var base = say.getAttribute("action").replace("/send", "");
  var place = window.wrenPlace || { // in a frame it is frame.js that keeps the key and the visit; else cookies do
    headers: function () { return {}; },
    sent: function () {},
    seen: function () {},
    endVisit: function () { document.cookie = "wren_visit=; path=/chat; max-age=0"; }, // whoever opens the chat next is asked before old words are shown
    leave: function (href) { window.location.replace(href); }
  };

  function tell(words, bad) {
    status.className = bad ? "status bad" : "status";
    if (status.textContent !== words) status.textContent = words;
  }
  function keep(words) {
    try { if (words) sessionStorage.setItem(draft, words); else sessionStorage.removeItem(draft); } catch (error) { /* private mode */ }
  }
  function newId() {
    var bytes = crypto.getRandomValues(new Uint8Array(12)), text = "";
    bytes.forEach(function (byte) { text += ("0" + byte.toString(16)).slice(-2); });
    return text;
  }
  function nearEnd() {
    return window.innerHeight + window.scrollY > document.documentElement.scrollHeight - 320;
  }
  function show(news) {
    if (document.getElementById("m-" + news.key)) return; // a replay after a lost connection
    var end = nearEnd() || news.voice === "you", holder = document.createElement("template");
    holder.innerHTML = news.html; // our own server's, already escaped
    var message = holder.content.firstElementChild;
    message.classList.add("new");
    log.appendChild(message);
    retire();
    var starters = document.getElementById("starters");
    if (starters && !starters.contains(document.activeElement)) starters.remove();
    if (news.voice !== "you" && !dropped) tell("");
    if (news.voice === "you") first = null;
    else if (!first || Date.now() - since > 8000) first = message;
    since = Date.now();
    if (end) follow(message, first || message);
  }
  function clear() { // what is scrolled to comes to stand between the bars, however many lines they have
    var room = ["top", "foot"].map(function (name) {
      var bar = document.querySelector(".chat ." + name);
      return (bar && getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0) + 16 + "px";
    });
    document.documentElement.style.scrollPaddingBlock = room.join(" ");
  }
  function follow(last, start) { // an answer of several messages is read from its beginning
    clear();
    var tall = last.getBoundingClientRect().bottom - start.getBoundingClientRect().top > window.innerHeight / 2;
    (tall ? start : last).scrollIntoView({ block: tall ? "start" : "nearest" });
  }
  function retire() { // only the latest few messages keep their buttons; never take away what has the focus
    var forms = log.querySelectorAll("form.presses");
    for (var i = 0; i < forms.length - 3; i++) if (!forms[i].contains(document.activeElement)) forms[i].remove();
  }
  function listen() {
    if (line) return;
    line = fetch(base + "/events?after=" + encodeURIComponent(position), { headers: place.headers(), cache: "no-store" }).then(function (answer) {
      if (answer.status === 204) return again(); // this visit is over, or this browser keeps no cookies
      if (!answer.ok) throw new Error();
      document.body.classList.add("live");
      if (dropped) { dropped = false; tell(told.back); }
      return read(answer.body.getReader());
    }).catch(function () { /* the line is lost */ }).then(function () {
      document.body.classList.remove("live");
      if (!dropped) { dropped = true; setTimeout(function () { if (dropped) tell(navigator.onLine === false ? told.offline : told.lost, true); }, 4000); }
      setTimeout(function () { line = null; listen(); }, 2000);
    });
  }
  function again() { // never settles: the page is left
    window.location.replace(base + "?sent=1");
    return new Promise(function () {});
  }
  function read(reader) {
    var decoder = new TextDecoder(), rest = "";
    return reader.read().then(function next(part) {
      if (part.done) return;
      var events = (rest + decoder.decode(part.value, { stream: true })).split("\n\n");
      rest = events.pop();
      events.forEach(take);
      place.seen();
      return reader.read().then(next);
    });
  }
  function take(event) { // one server-sent event: lines of "name: value"; a comment has no name
    var fields = {};
    event.split("\n").forEach(function (line) { fields[line.split(": ", 1)[0]] = line.slice(line.indexOf(": ") + 2); });
    position = fields.id || position;
    if (fields.data) show(JSON.parse(fields.data));
  }
  function post(form, button, after) {
    if (form.dataset.busy) return;
    var fields = new URLSearchParams(new FormData(form));
    if (button && button.name) fields.append(button.name, button.value);
    form.dataset.busy = "yes";
    if (button) button.setAttribute("aria-disabled", "true");
    tell(told.sending);
    var slow = setTimeout(function () { tell(told.slow); }, 8000);
    var headers = place.headers();
    headers["Wren-Fetch"] = "1";
    fetch(base + "/send", { method: "POST", body: fields, credentials: "same-origin", headers: headers }).then(function (answer) {
      if (answer.status === 204) {
        place.sent(answer);
        form.elements.id.value = newId();
        tell(told.sent);
        listen();
        setTimeout(function () { if (!document.body.classList.contains("live")) refresh.classList.add("needed"); }, 5000);
        return after && after();
      }
      return answer.text().then(function (page) {
        var safety = new DOMParser().parseFromString(page, "text/html").getElementById("safety");
        if (safety) safety.querySelectorAll(".msg").forEach(function (message) { message.removeAttribute("id"); log.appendChild(document.importNode(message, true)); });
        tell(answer.status === 429 ? told.limited : told.failed, true);
      });
    }).catch(function () { // the id stays, so that trying again cannot send twice
      tell(navigator.onLine === false ? told.offline : told.failed, true);
    }).then(function () {
      clearTimeout(slow);
      delete form.dataset.busy;
      if (button) button.removeAttribute("aria-disabled");
    });
  }
  var pressed = null; // older browsers do not say which button submitted
  document.addEventListener("click", function (event) { pressed = event.target.closest ? event.target.closest("button") : null; }, true);
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.getAttribute("action") === base + "/leave") keep("");
    if (form.getAttribute("action") !== base + "/send") return;
    event.preventDefault();
    if (form !== say) return post(form, event.submitter || (pressed && pressed.form === form ? pressed : form.querySelector("button")));
    var sent = box.value;
    if (!sent.trim()) return;
    post(say, document.getElementById("send"), function () {
      box.value = box.value.indexOf(sent) === 0 ? box.value.slice(sent.length).replace(/^\s+/, "") : box.value; // typed meanwhile
      keep(box.value);
    });
  });
  box.addEventListener("keydown", function (event) { // on a keyboard; on a touch screen Enter is a new line
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && window.matchMedia("(pointer: fine)").matches) {
      event.preventDefault();
      say.requestSubmit ? say.requestSubmit() : document.getElementById("send").click();
    }
  });
  box.addEventListener("input", function () { keep(box.value); });
  exit.addEventListener("click", function (event) { // leaves no way back by the back button to this page
    event.preventDefault();
    keep("");
    place.endVisit();
    document.body.hidden = true;
    place.leave(exit.dataset.to);
  });
  if (!window.wrenPlace) document.addEventListener("keydown", function (event) { // in a frame, Escape closes the frame
    if (event.key === "Escape" && !event.isComposing) exit.click();
  });
  window.addEventListener("offline", function () { tell(told.offline, true); });
  window.addEventListener("online", function () { tell(told.back); });
  window.addEventListener("pageshow", function (event) { if (event.persisted) window.location.reload(); });
  document.addEventListener("visibilitychange", function () { // a page left open is another visit too
    if (document.hidden) away = Date.now();
    else if (away && Date.now() - away > log.dataset.visit * 1000) { place.endVisit(); window.location.replace(base); }
  });
  if (log.dataset.live || !log.dataset.hidden) try { if (!box.value) box.value = sessionStorage.getItem(draft) || ""; } catch (error) { /* private mode */ }
  if (log.dataset.live) listen();
  clear();
  window.addEventListener("resize", clear);
  if (log.lastElementChild && !window.location.hash) document.getElementById("latest").scrollIntoView();
})();
