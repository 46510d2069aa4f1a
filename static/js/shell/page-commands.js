// The commands and fields of this page as results of the palette, so that they can be used from the keyboard.
import { hasAllWords, splitWords } from "../pure/words.js";

const MIN_LENGTH = 2, MAX_COMMANDS = 5;
const COMMANDS = "main :is(.command, .button-primary, .icon-button):not(:disabled, td *, [aria-disabled=true])";
const UNDO = "[data-undo] form button";
// The files of a tree, and what a page names itself: rows of which one is chosen.
const CHOICES = "main .tree a[title], main [data-command]";
const FIELDS = "main .field :is(input, select, textarea):not(:disabled, td *)";

const readLabel = (target) => (target.dataset.command || target.getAttribute("aria-label")
  || (target.matches(".tree a") ? target.title : (target.labels?.[0] || target).textContent)).trim().replace(/\s+/g, " ");

const makeOption = (label, number) => {
  const option = Object.assign(document.createElement("a"), { id: `command-hit-${number}`, href: "#command", tabIndex: -1 });
  option.setAttribute("role", "option");
  const parts = { "hit-kind": "On this page", "hit-title": label, "hit-detail": "" };
  for (const [className, textContent] of Object.entries(parts)) {
    option.append(Object.assign(document.createElement("span"), { className, textContent }));
  }
  return option;
};

// Options that press the commands and choices, and focus the fields, whose label has all words, those that begin with them first;
// `close` closes the palette before. An option with data-last comes after all other results: "Cancel NAME" is not what the name means,
// nor is the best job of an experiment (data-command-after) what the experiment's name means.
export const makeCommandOptions = (text, close) => {
  if (text.length < MIN_LENGTH) return [];
  const words = splitWords(text), found = new Map();
  for (const command of document.querySelectorAll([UNDO, COMMANDS, CHOICES, FIELDS].join(", "))) {
    const label = readLabel(command);
    if (command.checkVisibility() && hasAllWords(label, words) && !found.has(label)) found.set(label, command);
  }
  const startsWithText = ([label]) => label.toLowerCase().startsWith(text.toLowerCase());
  const sorted = [...found].sort((one, other) => startsWithText(other) - startsWithText(one));
  return sorted.slice(0, MAX_COMMANDS).map(([label, command], number) => {
    const option = makeOption(label, number);
    if (command.closest("[data-confirm], [data-command-after]") && !startsWithText([label])) option.dataset.last = "";
    option.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopPropagation();
      close();
      if (command.matches(FIELDS)) command.focus();
      else command.click();
    });
    return option;
  });
};
