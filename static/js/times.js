// <time data-when="relative|exact"> in the reader's own time zone, and <span data-since> that counts on.
(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const precise = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  const relative = (moment) => {
    const seconds = (Date.now() - moment) / 1000;
    if (seconds < -5 || seconds >= 7 * DAY) return exact.format(moment);
    if (seconds < 10) return "just now";
    if (seconds < MINUTE) return `${Math.floor(seconds)} s ago`;
    if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
    if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
    const days = Math.floor(seconds / DAY);
    return days === 1 ? "yesterday" : `${days} days ago`;
  };

  const duration = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    const [d, h, m] = [Math.floor(s / DAY), Math.floor((s % DAY) / HOUR), Math.floor((s % HOUR) / MINUTE)];
    if (d) return `${d}d ${h}h`;
    if (h) return `${h}h ${m}m`;
    return m ? `${m}m ${s % MINUTE}s` : `${s}s`;
  };

  const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  const write = (root) => {
    for (const element of root.querySelectorAll("time[data-when]")) {
      const moment = new Date(element.dateTime);
      element.title = precise.format(moment);
      set(element, element.dataset.when === "exact" ? exact.format(moment) : relative(moment));
    }
    for (const element of root.querySelectorAll("[data-since]")) set(element, duration((Date.now() - new Date(element.dataset.since)) / 1000));
  };

  write(document);
  setInterval(() => { if (!document.hidden) write(document); }, 1000);
  document.addEventListener("htmx:load", (event) => write(event.detail.elt.parentNode || document));
})();
