// Whether somebody is at the page. Requests that a page sends by itself say so, and do not keep the session from ending.
const AWAY_MS = 60_000;
let seenAt = Date.now();

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => { seenAt = Date.now(); }, { passive: true, capture: true });
}

export const attendanceHeaders = () => (Date.now() - seenAt > AWAY_MS ? { "X-Unattended": "1" } : {});

document.addEventListener("htmx:configRequest", ({ detail }) => { Object.assign(detail.headers, attendanceHeaders()); });
