// Short notices at the top right: from the server's `HX-Trigger: {"toast": {"text", "level"}}`, or lazuli.toast(text, level).
(() => {
  const ICONS = { success: "m4 10.5 4 4 8-9", error: "M5 5l10 10M15 5 5 15", warning: "M10 3.5 17.5 16.5h-15zM10 8.5v4M10 14.5h.01", info: "M10 9v6M10 5.500h.01" };

  const svg = (path) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    element.setAttribute("viewBox", "0 0 20 20");
    element.setAttribute("width", "16");
    element.setAttribute("height", "16");
    element.setAttribute("class", "icon");
    element.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    element.append(line);
    return element;
  };

  const closeButton = (toast) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "icon-button";
    button.setAttribute("aria-label", "Dismiss");
    button.append(svg("m4.5 4.5 11 11M15.5 4.5l-11 11"));
    button.addEventListener("click", () => toast.remove());
    return button;
  };

  lazuli.toast = (text, level = "info", lasting = level === "error" ? 12000 : 6000) => {
    const box = document.getElementById("toasts");
    for (const old of box.children) if (old.dataset.text === text) old.remove();
    const toast = document.createElement("div");
    toast.className = `toast toast-${level}`;
    toast.dataset.text = text;
    const words = document.createElement("span");
    words.textContent = text;
    toast.append(svg(ICONS[level] || ICONS.info), words, closeButton(toast));
    box.append(toast);
    setTimeout(() => toast.remove(), lasting);
  };

  // Message bars of the page close by the same cross.
  document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".message-bar").remove());
  document.addEventListener("toast", (event) => {
    for (const { text, level } of event.detail.toasts || [event.detail]) lazuli.toast(text, level);
  });
  document.addEventListener("htmx:responseError", (event) => {
    // The server says why in HX-Trigger; without it, the status is all there is.
    if (!event.detail.xhr.getResponseHeader("HX-Trigger")) lazuli.toast(`The server answered with error ${event.detail.xhr.status}.`, "error");
  });
  document.addEventListener("htmx:sendError", () => lazuli.toast("The studio cannot be reached. It will be asked again.", "warning"));
})();
