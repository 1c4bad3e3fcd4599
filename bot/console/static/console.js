// Tells that something new has come, and fetches it without touching what is being typed. Without it every page still works.
(function () {
  "use strict";
  var news = document.querySelector("[data-news]");
  if (!news || !window.EventSource || !window.fetch || !window.DOMParser) return;
  var source = new EventSource(news.dataset.news);

  source.addEventListener("news", function () {
    if (news.firstChild) return;
    var link = document.createElement("a");
    link.href = location.pathname + location.search;
    link.textContent = news.dataset.words;
    link.addEventListener("click", show);
    news.appendChild(link);
  });
  window.addEventListener("pagehide", function () { source.close(); });

  function show(event) {
    event.preventDefault();
    fetch(location.pathname + location.search).then(function (response) {
      if (response.redirected || !response.ok) throw response;
      return response.text();
    }).then(function (html) {
      var fresh = new DOMParser().parseFromString(html, "text/html");
      document.querySelectorAll("[data-live]").forEach(function (part) {
        var newer = fresh.getElementById(part.id);
        if (newer) part.replaceWith(document.adoptNode(newer));
      });
      news.textContent = "";
      var last = document.querySelector("#talk > :last-child");
      if (last) { last.tabIndex = -1; last.focus(); last.scrollIntoView({ block: "nearest" }); }
    }).catch(function () { news.textContent = news.dataset.out; });
  }
})();
