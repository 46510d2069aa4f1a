// "?" help, "g h" and the like, "/" to search, "r" to refresh, arrows through the rows of a list.
(() => {
  let leader = 0;

  const isTyping = (element) => element.matches("input, textarea, select, [contenteditable=true], .js-plotly-plot *");

  const go = (key) => document.querySelector(`.nav a[data-key="${CSS.escape(key)}"]`)?.click();

  const act = {
    "?": () => document.getElementById("keyboard-help")?.showModal(),
    "/": () => document.querySelector("main input[type=search]")?.focus(),
    r: () => document.querySelector("[data-refresh]")?.click(),
  };

  const rows = () => [...document.querySelectorAll("main .row-link")].filter((link) => link.offsetParent);

  const moveRow = (event, step) => {
    const all = rows();
    const row = event.target.closest("tr");
    const at = row ? all.findIndex((link) => row.contains(link)) : -1;
    const next = at < 0 ? (step > 0 ? all[0] : null) : all[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const inList = event.target.closest?.("tbody, .search-box");
    if (step && inList && !event.target.matches("select, textarea")) return moveRow(event, step);
    if (isTyping(event.target)) return;
    if (Date.now() - leader < 1200) {
      leader = 0;
      return go(event.key);
    }
    if (event.key === "g") leader = Date.now();
    else if (act[event.key]) {
      event.preventDefault();
      act[event.key]();
    }
  });
})();
