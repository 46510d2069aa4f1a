// <form data-theme-form> changes the theme immediately; the server stores it for the user.
import { postForm } from "../shared/requests.js";

const listeners = [];

export const onThemeChange = (listener) => { listeners.push(listener); };

const announceTheme = () => { for (const listener of listeners) listener(); };

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
};

// The colour of a CSS property such as "--text" in the theme of the moment.
export const resolveColour = (property) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
};

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announceTheme);

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  const theme = event.submitter.value;
  document.documentElement.dataset.theme = theme;
  for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-pressed", button.value === theme);
  event.target.hidePopover();
  const body = new FormData(event.target);
  body.set("theme", theme);
  postForm(event.target.action, body);
  announceTheme();
});
