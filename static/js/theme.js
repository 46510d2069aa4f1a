// The theme is the user's, kept by the server; here it only changes without a reload.
// Other scripts read colours with `lazuli.colour("--text")` and listen to `lazuli:theme` on document.
window.lazuli = window.lazuli || {};

lazuli.colour = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
};

lazuli.post = (url, body) =>
  fetch(url, { method: "POST", body, headers: { "X-CSRFToken": JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"] } });

const themeChanged = () => document.dispatchEvent(new CustomEvent("lazuli:theme"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  const theme = event.submitter.value;
  document.documentElement.dataset.theme = theme;
  for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-pressed", button.value === theme);
  event.target.hidePopover();
  const body = new FormData(event.target);
  body.set("theme", theme);
  lazuli.post(event.target.action, body);
  themeChanged();
});
