// Ctrl+K or [data-palette-open]: one box that finds commands of the page, pages, jobs, experiments, compute and workspaces.
import { wrapIndex } from "../pure/words.js";
import { fetchPiece } from "../shared/requests.js";
import { makeCommandOptions } from "./page-commands.js";
import { showToast } from "./toasts.js";

const bindPalette = (dialog) => {
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  let lastSearch = 0;
  let typingTimer = 0;

  const findOptions = () => [...list.querySelectorAll("a[role=option]")];
  const findSelected = () => list.querySelector("[aria-selected=true]");

  const selectOption = (option) => {
    findSelected()?.removeAttribute("aria-selected");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  };

  const search = async () => {
    const number = ++lastSearch;
    const url = new URL(dialog.dataset.url, location.href);
    url.searchParams.set("q", input.value.trim());
    const answer = await fetchPiece(url).catch(() => null);
    // A later search is in progress: its response counts.
    if (number !== lastSearch) return undefined;
    if (!answer || answer.redirected || !answer.ok) return showToast("The search did not answer.", "warning");
    const text = await answer.text();
    if (number !== lastSearch) return undefined;
    list.innerHTML = text;
    const commands = makeCommandOptions(input.value.trim(), () => dialog.close());
    if (commands.length) list.querySelector(".palette-none")?.remove();
    list.prepend(...commands.filter((option) => !("last" in option.dataset)));
    list.append(...commands.filter((option) => "last" in option.dataset));
    return selectOption(findOptions()[0]);
  };

  const openPalette = () => {
    if (dialog.open) return;
    input.value = "";
    list.replaceChildren();
    dialog.showModal();
    search();
  };

  input.addEventListener("input", () => {
    clearTimeout(typingTimer);
    typingTimer = setTimeout(search, 120);
  });
  input.addEventListener("keydown", (event) => {
    const options = findOptions();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      selectOption(options[wrapIndex(options.indexOf(findSelected()) + step, options.length)]);
    }
    // By default, a search field would only be cleared.
    if (event.key === "Escape") {
      event.preventDefault();
      dialog.close();
    }
    if (event.key === "Enter") {
      event.preventDefault();
      findSelected()?.click();
    }
  });
  // Actions of this page: "#theme-dark" presses the button of the menu of themes.
  list.addEventListener("click", (event) => {
    const action = event.target.closest("a[href^='#theme-']")?.getAttribute("href");
    if (!action) return;
    event.preventDefault();
    dialog.close();
    document.querySelector(`[data-theme-form] button[value="${action.slice("#theme-".length)}"]`)?.click();
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-palette-open]")) openPalette(); });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
    }
  });
};

const palette = document.getElementById("palette");
if (palette) bindPalette(palette);
