// <input data-filter-list="#list"> hides the <li> that lack its words; data-filter-tree does so for the tree of files below it.
import { hasAllWords, splitWords } from "../pure/words.js";

const filterList = (list, words) => {
  for (const item of document.querySelectorAll(`${list} > li`)) item.hidden = !hasAllWords(item.textContent, words);
};

const filterTree = (tree, words) => {
  for (const file of tree.querySelectorAll("[data-path]")) file.hidden = !hasAllWords(file.dataset.path, words);
  // The innermost folders first: a folder is visible if something in it is.
  for (const folder of [...tree.querySelectorAll("details")].reverse()) {
    const hasShown = folder.querySelector("[data-path]:not([hidden])");
    folder.parentElement.hidden = !hasShown;
    if (words.length && hasShown) folder.open = true;
  }
};

document.addEventListener("input", (event) => {
  const words = splitWords(event.target.value);
  if (event.target.matches("[data-filter-list]")) filterList(event.target.dataset.filterList, words);
  if (event.target.matches("[data-filter-tree]")) filterTree(event.target.closest("aside").querySelector(".tree"), words);
});
