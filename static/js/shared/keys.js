// Checks that every handler of keys makes first.

export const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

export const isTextField = (element) => element.matches("input:not([type=checkbox], [type=range]), textarea, select");

// A slider takes arrow keys and the like for itself.
export const isField = (element) => element.matches("input:not([type=checkbox]), textarea, select");

export const isDialogOpen = () => Boolean(document.querySelector("dialog[open]"));
