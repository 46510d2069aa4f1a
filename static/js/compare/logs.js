// Logs side by side scroll together ([data-scroll-together]) and start at their ends.
import { onTabShown } from "./swaps.js";

onTabShown(() => {
  const logs = [...document.querySelectorAll("[data-compare-logs] pre")];
  const together = document.querySelector("[data-scroll-together]");
  let leader = null;
  for (const log of logs) {
    log.scrollTop = log.scrollHeight;
    // Only the log that a person scrolls moves the others, which then have scroll events too.
    for (const kind of ["pointerenter", "focus", "touchstart", "wheel"]) log.addEventListener(kind, () => { leader = log; }, { passive: true });
    log.addEventListener("scroll", () => {
      if (!together.checked || log !== leader) return;
      for (const other of logs) if (other !== log) other.scrollTo(log.scrollLeft, log.scrollTop);
    });
  }
});
