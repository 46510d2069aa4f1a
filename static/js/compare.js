// Comparing jobs: the address and the form that carries it stay one; stepping through differences; copying; adding jobs.
(() => {
  const form = () => document.getElementById("compare-form");
  if (!form()) return;

  // lazuli.compare.address("hide", ["a,b"]): what a script changed is in the address, in the form and in the links.
  const withWords = (query, name, values) => {
    const words = new URLSearchParams(query);
    words.delete(name);
    for (const value of values) words.append(name, value);
    return `?${words.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/")}`;
  };
  const address = (name, values) => {
    const kept = values.filter((value) => value !== "");
    history.replaceState(history.state, "", withWords(location.search, name, kept));
    for (const link of document.querySelectorAll("#compare .tabs a, #compare [data-refresh], #compare [data-compare-add]")) {
      const url = new URL(link.href);
      link.href = url.pathname + withWords(url.search, name, kept);
    }
    const fields = [...form().elements].filter((field) => field.name === name);
    for (const field of fields) if (field.type === "hidden") field.remove();
    if (fields.some((field) => field.type !== "hidden")) return;
    for (const value of kept) {
      const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
      field.setAttribute("form", "compare-form");
      document.getElementById("compare").append(field);
    }
  };
  // Each tab's script sets itself up now and after every swap.
  const setUps = [];
  const onShown = (act) => { setUps.push(act); act(); };
  window.lazuli.compare = { address, onShown };

  // On a narrow page the tabs scroll.
  onShown(() => {
    const tab = document.querySelector("#compare .tabs [aria-current]");
    if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40;
  });

  let typing = 0;
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-send-while-typing]")) return;
    clearTimeout(typing);
    typing = setTimeout(() => form().requestSubmit(), 250);
  });

  // htmx misses which button sent the form, as the buttons stand outside of it.
  document.addEventListener("htmx:configRequest", (event) => {
    const button = event.detail.triggeringEvent?.submitter;
    if (event.detail.elt === form() && button?.name) event.detail.parameters[button.name] = button.value;
  });

  // ---- what a swap would lose: how far the table is scrolled, and which button has the focus

  let kept = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "compare") return;
    const wrap = document.querySelector("#compare .table-wrap"), focus = document.activeElement;
    kept = { left: wrap?.scrollLeft, top: wrap?.scrollTop, value: focus?.matches("button[name=set]") ? focus.value : "" };
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id !== "compare" && event.detail.target?.id !== "compare") return;
    const wrap = document.querySelector("#compare .table-wrap");
    if (kept && wrap) wrap.scrollTo(kept.left || 0, kept.top || 0);
    // The button that was pressed may say the opposite now; then the table has the focus.
    const lost = kept?.value && document.activeElement === document.body;
    if (lost) (document.querySelector(`#compare button[value="${CSS.escape(kept.value)}"]`) || wrap)?.focus();
    kept = null;
    at = -1;
    for (const act of setUps) act();
    if (document.getElementById("compare-add").open) offer(document.getElementById("compare-find")?.value || "");
  });

  // ---- next and previous difference

  let at = -1;
  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-compare-table] .differs")];
    if (!rows.length) return;
    at = at < 0 && by < 0 ? rows.length - 1 : (at + by + rows.length) % rows.length;
    rows.forEach((row, place) => row.classList.toggle("at-difference", place === at));
    rows[at].scrollIntoView({ block: "center", inline: "nearest" });
    const words = document.querySelector("[data-difference-count]");
    words.textContent = `Difference ${at + 1} of ${rows.length}: ${rows[at].querySelector("th .cut").textContent}`;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-difference]");
    if (button) step(Number(button.dataset.difference));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
    if (event.key === "n" || event.key === "p") step(event.key === "n" ? 1 : -1);
  });

  document.querySelector("#keyboard-help .shortcuts")?.insertAdjacentHTML("beforeend", "<dt><kbd>n</kbd> <kbd>p</kbd></dt><dd>Next, previous difference</dd>");

  // ---- copying

  const textOf = (cell) => {
    const long = cell.querySelector(".long, th .cut, .cut");
    const small = cell.querySelector("small")?.textContent || "";
    const text = cell.matches("td") ? cell.innerText.replace("★", "").replace(small, "") : long?.textContent || cell.innerText;
    return text.replace(/\(best\)/, "").replace(/\s+/g, " ").trim();
  };
  document.addEventListener("click", async (event) => {
    const table = event.target.closest("[data-copy-table]") && document.querySelector("[data-compare-table]");
    if (!table && !event.target.closest("[data-copy-address]")) return;
    const text = table ? [...table.rows].map((row) => [...row.cells].map(textOf).join("\t")).join("\n") : location.href;
    if (await lazuli.copyText(text)) lazuli.toast(table ? "Copied, to paste into a spreadsheet." : "Copied.", "success", 2000);
    else lazuli.toast("The browser did not allow copying.", "warning");
  });

  // ---- adding jobs beside the page, instead of on a page of its own

  const offer = (find) => {
    const link = document.querySelector("[data-compare-add]");
    const url = new URL(link.href);
    if (find) url.searchParams.set("find", find);
    return htmx.ajax("GET", url.pathname + url.search, { target: "[data-compare-offers]", swap: "innerHTML" });
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-compare-add]")) return;
    event.preventDefault();
    document.getElementById("compare-add").showModal();
    offer("").then(() => document.getElementById("compare-find")?.focus());
  });
})();
