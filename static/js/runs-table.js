// The table of runs: sorting by several columns, widths, the panels beside it, and acting on all that match.
(() => {
  const table = () => document.getElementById("run-table");
  const present = () => new URL(location.href);
  // The words of the address that have a field of the search form.
  const OWN = ["filter", "q", "mine", "children"];

  // Shows another address of this list without leaving it.
  const show = (url) => {
    history.pushState({ lazuliList: true }, "", url);
    return htmx.ajax("GET", url.pathname + url.search, { target: "#run-table", swap: "outerHTML" });
  };
  window.addEventListener("popstate", (event) => { if (event.state?.lazuliList) location.reload(); });

  // Shift and a click sort by one more column, the other way round, then no longer by it.
  // Before htmx, which would sort by it alone.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#run-table a[data-sort]");
    if (!link || !event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const url = present(), id = link.dataset.sort;
    let sorts = url.searchParams.getAll("sort");
    if (sorts.includes(id)) sorts = sorts.map((sort) => (sort === id ? `-${id}` : sort));
    else if (sorts.includes(`-${id}`)) sorts = sorts.filter((sort) => sort !== `-${id}`);
    else sorts.push(id);
    put(url, "sort", sorts);
    url.searchParams.delete("page");
    show(url);
  }, true);

  // Ctrl and a click open a link in another tab, also one that htmx follows.
  document.addEventListener("click", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.target.closest("a[hx-get]")) event.stopImmediatePropagation();
  }, true);

  const put = (url, word, values) => {
    url.searchParams.delete(word);
    for (const value of values) url.searchParams.append(word, value);
  };

  // ---- widths: by dragging a header's edge, or Shift and an arrow on the header

  const NARROWEST = 60, WIDEST = 900, STEP = 20;
  const clamp = (width) => Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));

  const setWidth = (head, width) => {
    for (const part of ["width", "minWidth", "maxWidth"]) head.style[part] = `${width}px`;
    head.classList.add("sized");
    const place = [...head.parentElement.children].indexOf(head);
    for (const row of table().querySelectorAll("tbody tr")) {
      const cell = row.children[place];
      if (!cell || row.children.length <= place) continue;
      cell.classList.add("sized");
      for (const part of ["width", "minWidth", "maxWidth"]) cell.style[part] = `${width}px`;
    }
  };

  // Into the address, and kept for the person.
  const keepWidth = (head, width) => {
    const url = present(), id = head.dataset.column;
    const others = url.searchParams.getAll("width").filter((word) => word.slice(word.indexOf(":") + 1) !== id);
    put(url, "width", [...others, `${width}:${id}`]);
    history.replaceState(history.state, "", url);
    const form = document.getElementById("runs-form"), body = new URLSearchParams({ query: url.search.slice(1) });
    if (form.elements.experiment) body.set("experiment", form.elements.experiment.value);
    fetch(document.getElementById("list-panel").dataset.keep, {
      method: "POST", body, redirect: "manual", headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    }).catch(() => lazuli.toast("The width could not be kept.", "warning"));
    if (head.classList.contains("pinned")) show(url);
  };

  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-resize]");
    if (!handle) return;
    event.preventDefault();
    const head = handle.closest("th");
    drag = { head, from: event.clientX, width: head.offsetWidth };
    handle.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => { if (drag) setWidth(drag.head, clamp(drag.width + event.clientX - drag.from)); });
  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const { head, width } = drag;
    drag = null;
    if (head.offsetWidth !== width) keepWidth(head, clamp(head.offsetWidth));
  });
  document.addEventListener("keydown", (event) => {
    const head = event.target.closest?.("#run-table thead th[data-column]");
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (!head || !step || !event.shiftKey) return;
    event.preventDefault();
    const width = clamp(head.offsetWidth + step);
    setWidth(head, width);
    keepWidth(head, width);
  });

  // ---- the search form sends the words of the address, which may have changed since the page was made

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id !== "run-search") return;
    const given = event.detail.formData, words = new FormData();
    for (const [name, value] of present().searchParams) if (!OWN.includes(name) && name !== "page") words.append(name, value);
    for (const name of OWN) if (given.get(name)) words.append(name, given.get(name));
    event.detail.formData = words;
    event.detail.parameters = words;
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id !== "run-table") return;
    const url = present();
    document.querySelector("[data-refresh]")?.setAttribute("href", url.pathname + url.search);
    const next = document.querySelector("#star-form [name=next]");
    if (next) next.value = url.pathname + url.search;
    document.getElementById("run-query").setAttribute("aria-invalid", Boolean(document.getElementById("query-error")));
    showWords(url.searchParams);
  });

  // A chip that is taken away leaves the field that it came from; what is typed there and not sent yet stays.
  let known = present().searchParams;
  const showWords = (words) => {
    for (const name of OWN) {
      const field = document.getElementById("run-search").elements[name];
      if (field.type === "checkbox") field.checked = words.has(name);
      else if (field.value.trim() === (known.get(name) || "").trim()) field.value = words.get(name) || "";
    }
    known = words;
  };

  // What is open over the table, dragged or selected in it, a poll would tear away: it waits until that is done.
  const isBusy = () => drag || document.querySelector("dialog[open], :popover-open") || isSelected();
  const isSelected = () => {
    const selection = getSelection();
    return !selection.isCollapsed && table()?.contains(selection.anchorNode);
  };
  // Of two clicks, the answer to the first may come last.
  let latest = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.target.matches("[data-poll]")) latest = event.detail.target.id === "run-table" ? event.detail.xhr : latest;
    else if (isBusy()) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig: { elt }, target, xhr } = event.detail;
    // A poll that is no longer there asked for the list as it was before.
    const isLate = elt.matches("[data-poll]") ? !elt.isConnected || isBusy() : target.id === "run-table" && xhr !== latest;
    if (isLate) event.detail.shouldSwap = false;
  });

  // Words that are typed are one step back, not one for each pause.
  let isTyping = false;
  document.addEventListener("htmx:beforeHistoryUpdate", (event) => {
    const typed = event.detail.requestConfig.triggeringEvent?.target?.id === "run-words";
    if (typed && isTyping) event.detail.history.type = "replace";
    isTyping = typed;
  });

  // ---- panels

  document.addEventListener("htmx:afterSettle", (event) => {
    const panel = document.getElementById("list-panel");
    if (event.detail.elt.id === "list-panel-body" && panel && !panel.open) panel.showModal();
  });

  const listOf = (item) => item.closest("form").querySelector("[data-column-list]");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    event.preventDefault();
    const item = button.closest("li"), other = button.dataset.move < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (other) button.dataset.move < 0 ? other.before(item) : other.after(item);
    button.focus();
  });

  let dragged = null;
  document.addEventListener("dragstart", (event) => { dragged = event.target.closest?.("[data-column-list] > li"); });
  document.addEventListener("dragover", (event) => {
    const over = event.target.closest?.("[data-column-list] > li");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    event.clientY > box.top + box.height / 2 ? over.after(dragged) : over.before(dragged);
  });
  document.addEventListener("dragend", () => { dragged = null; });
  document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });

  // Only shown columns come with them: a list may offer a thousand others.
  const toolsFor = (item, id) => {
    const tools = listOf(item).querySelector(".column-tools").cloneNode(true), title = item.querySelector(".cut").title;
    const [pin, width] = [tools.querySelector("[name=pin]"), tools.querySelector(".column-width")];
    Object.assign(pin, { value: id, checked: false });
    Object.assign(width, { name: `width-${id}`, value: "" });
    pin.setAttribute("aria-label", `Pin ${title}`);
    width.setAttribute("aria-label", `Width of ${title} in pixels`);
    for (const button of tools.querySelectorAll("[data-move]")) button.setAttribute("aria-label", `Move ${title} ${button.dataset.move < 0 ? "up" : "down"}`);
    return tools;
  };

  // A column that is ticked among those offered goes to the end of those shown.
  document.addEventListener("change", (event) => {
    const item = event.target.matches("#list-panel-body input[name=col]") ? event.target.closest("li") : null;
    if (item && event.target.checked && !item.closest("[data-column-list]")) {
      item.draggable = true;
      item.append(toolsFor(item, event.target.value));
      listOf(item).append(item);
      event.target.focus();
    }
  });

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-column-search]")) return;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    const form = event.target.closest("form");
    for (const item of form.querySelectorAll("[data-column-item]")) item.hidden = !words.every((word) => item.dataset.words.includes(word));
    for (const group of form.querySelectorAll("[data-column-group]")) if (words.length) group.open = true;
  });
})();
