// Comparing jobs: the address and the form that carries it stay one; keys; copying; adding jobs.
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
    for (const link of document.querySelectorAll("#compare .tabs a, #compare [data-refresh], #compare [data-compare-add], #compare-copy a")) {
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
  // Each tab's script sets itself up now and after every swap; `isAnew` says that it is the same as before, with what is new.
  const setUps = [];
  const onShown = (act) => { setUps.push(act); act(false); };

  // Words that the page left out are not asked for again.
  onShown(() => {
    const tidy = document.querySelector("#compare [data-address]");
    if (tidy) history.replaceState(history.state, "", `?${tidy.dataset.address}`);
  });

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

  // ---- keys

  const isTyping = (element) => element.matches("input:not([type=checkbox], [type=range]), textarea, select");
  // onKey({ a: act }): a key alone, while nobody types and no dialog is open.
  const onKey = (acts) => document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || isTyping(event.target)) return;
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
  const file = (by) => {
    const files = [...document.querySelectorAll(".file-state")];
    files[files.findIndex((one) => one.ariaCurrent) + by]?.click();
  };
  onKey({
    a: () => document.querySelector("[data-compare-add]")?.click(),
    v: () => document.getElementById("compare-jobs-button")?.click(),
    o: () => document.getElementById("compare-only")?.click(),
    j: () => file(1),
    k: () => file(-1),
  });

  window.lazuli.compare = { address, onShown, onKey };

  // ---- what a swap would lose: how far things are scrolled, what is open, and which element has the focus

  // Another log begins at its end; the same one, with what is new, stays where it was read.
  const scrolled = (isAnew) => [...document.querySelectorAll(`#compare :is(.table-wrap, .compare-logs, .file-states, .compare-legend, .parallel${isAnew ? ", .compare-log pre" : ""})`)];
  const placeOf = (one) => [one.scrollLeft, one.localName === "pre" && one.scrollTop + one.clientHeight >= one.scrollHeight - 4 ? 1e9 : one.scrollTop];
  const nameOf = (element) => {
    if (!element?.closest("#compare")) return "";
    if (element.id) return `#${CSS.escape(element.id)}`;
    const name = ["value", "href", "aria-label"].find((one) => element.getAttribute(one));
    return name ? `#compare ${element.localName}[${name}="${CSS.escape(element.getAttribute(name))}"]` : "";
  };

  let kept = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "compare") return;
    const isAnew = event.detail.requestConfig?.elt.id === "compare-live";
    const open = document.querySelector("#compare :popover-open")?.id;
    kept = { isAnew, open, places: scrolled(isAnew).map(placeOf), focus: nameOf(document.activeElement) };
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!kept || (event.detail.elt.id !== "compare" && event.detail.target?.id !== "compare")) return;
    const { isAnew, open, places, focus } = kept;
    kept = null;
    for (const act of setUps) act(isAnew);
    if (open) document.getElementById(open)?.showPopover();
    scrolled(isAnew).forEach((one, number) => { if (places[number]) one.scrollTo(...places[number]); });
    // The button that was pressed may say the opposite now; then the table has the focus.
    const isLost = focus && document.activeElement === document.body;
    if (isLost) (document.querySelector(focus) || document.querySelector("#compare .table-wrap"))?.focus({ preventScroll: true });
    if (document.getElementById("compare-add").open) offer(document.getElementById("compare-find")?.value || "");
  });

  // Charts that are swapped away.
  document.addEventListener("htmx:beforeCleanupElement", (event) => lazuli.charts?.forget(event.detail.elt));

  // A menu stands below its button.
  document.addEventListener("toggle", (event) => {
    if (event.newState !== "open" || !event.target.matches(".compare-menu")) return;
    const box = document.querySelector(`[popovertarget="${event.target.id}"]`).getBoundingClientRect();
    const left = Math.max(8, Math.min(box.left, innerWidth - event.target.offsetWidth - 8));
    Object.assign(event.target.style, { left: `${left}px`, top: `${box.bottom + 4}px` });
  }, true);

  // ---- copying

  // The server writes the table: all its pages, with all digits.
  const tableOf = (link) => fetch(link.href).then((answer) => (answer.ok ? answer.text() : null), () => null);
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-copy-table]");
    if (!link && !event.target.closest("[data-copy-address]")) return;
    if (link) event.preventDefault();
    link?.closest("[popover]").hidePopover();
    const text = link ? await tableOf(link) : location.href;
    if (text === null) lazuli.toast("The table could not be loaded.", "warning");
    else if (await lazuli.copyText(text)) lazuli.toast("Copied.", "success", 2000);
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
