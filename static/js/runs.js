// Lists of runs: choosing rows, and polls that rest while nobody looks. Filters of lists and trees beside a page.
(() => {
  const boxes = () => [...document.querySelectorAll("#runs-form input[name=run]")];

  // All that match, on whatever page, or else the ticked rows.
  const chooseAll = () => document.querySelector("[data-choose-all]");
  const showSelection = () => {
    const all = boxes(), chosen = all.filter((box) => box.checked), whole = chooseAll()?.checked;
    const count = whole ? Number(chooseAll().dataset.count) : chosen.length;
    for (const button of document.querySelectorAll("[data-needs-selection]")) {
      // What needs ticked rows themselves says from how many to how many.
      const { least, most } = button.dataset;
      button.disabled = !count || Boolean(least && (whole || count < least || count > most));
    }
    for (const box of all) box.closest("tr").setAttribute("aria-selected", box.checked || Boolean(whole));
    const number = count.toLocaleString("en"), jobs = count === 1 ? "1 job" : `${number} jobs`;
    for (const words of document.querySelectorAll("[data-chosen-words]")) words.textContent = jobs;
    for (const button of document.querySelectorAll("[data-needs-selection][data-confirm]")) {
      button.dataset.template ??= button.dataset.confirm;
      button.dataset.confirm = button.dataset.template.replace("#", whole ? `All ${jobs} that match, on all pages, are` : count === 1 ? "1 job is" : `${jobs} are`);
    }
    const words = document.querySelector("[data-selection-count]");
    if (words) words.textContent = count ? (whole ? `All ${number} chosen` : `${number} chosen`) : "";
    const every = document.querySelector("[data-select-all]");
    if (!every) return;
    every.checked = all.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches("[data-select-all], [data-choose-all], input[name=run]")) showSelection();
  });

  // ---- what a person has done stays when rows are written anew: ticks, focus, open folders, how far they have scrolled

  let before = {};
  const folders = () => [...document.querySelectorAll("#file-tree [data-folder]")];
  const wrap = () => document.querySelector("#run-table .table-wrap");

  // What finds an element again after a swap.
  const keyOf = (element) => {
    if (!element?.closest?.("#run-table")) return "";
    if (element.id) return `#${CSS.escape(element.id)}`;
    const names = element.name === "run" ? ["value"] : ["data-sort", "aria-label", "href"];
    const name = names.find((one) => element.hasAttribute(one));
    return name ? `#run-table [${name}="${CSS.escape(element.getAttribute(name))}"]` : "";
  };

  document.addEventListener("htmx:beforeSwap", (event) => {
    before = {
      ticked: new Set(boxes().filter((box) => box.checked).map((box) => box.value)),
      folders: new Map(folders().map((folder) => [folder.dataset.folder, folder.open])),
      focused: keyOf(document.activeElement),
      whole: chooseAll()?.checked && chooseAll().dataset.count,
      left: wrap()?.scrollLeft,
      // Another page or order begins at its top.
      top: event.detail.requestConfig.elt.matches("[data-poll], [data-toggle]") && wrap()?.scrollTop,
    };
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const box of boxes()) if (before.ticked?.has(box.value)) box.checked = true;
    for (const folder of folders()) folder.open = before.folders?.get(folder.dataset.folder) ?? folder.open;
    if (before.focused && document.activeElement === document.body) (document.querySelector(before.focused) || wrap())?.focus({ preventScroll: true });
    // Only as long as it stands for the same jobs.
    if (before.whole && chooseAll()?.dataset.count === before.whole) chooseAll().checked = true;
    wrap()?.scrollTo(before.left || 0, before.top || 0);
    showSelection();
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.matches("[data-poll]")) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const element of document.querySelectorAll("[data-poll]")) element.dispatchEvent(new Event("look"));
  });

  // data-filter-list="#list" hides the <li> that lack the words; data-filter-tree does so for the tree below it.
  const hasWords = (text, words) => words.every((word) => text.includes(word));
  document.addEventListener("input", (event) => {
    const words = event.target.value?.toLowerCase().split(/\s+/).filter(Boolean);
    if (event.target.matches("[data-filter-list]")) {
      for (const item of document.querySelectorAll(`${event.target.dataset.filterList} > li`)) item.hidden = !hasWords(item.textContent.toLowerCase(), words);
    }
    if (event.target.matches("[data-filter-tree]")) filterTree(event.target.closest("aside").querySelector(".tree"), words);
  });

  const filterTree = (tree, words) => {
    for (const file of tree.querySelectorAll("[data-path]")) file.hidden = !hasWords(file.dataset.path, words);
    for (const folder of [...tree.querySelectorAll("details")].reverse()) {
      const shown = folder.querySelector("[data-path]:not([hidden])");
      folder.parentElement.hidden = !shown;
      if (words.length && shown) folder.open = true;
    }
  };

  showSelection();
})();
