// Charts of the metrics tab in another order: by dragging their handle, or by the arrow keys on it. The address keeps it.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { page, choices } = metrics;
  const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
  // So near to the edge of the window a drag scrolls it.
  const EDGE = 80;
  let dragged = null, had = "";

  const cardsAround = (card) => [...card.parentElement.querySelectorAll(":scope > [data-card]")];
  const orderOf = (card) => cardsAround(card).map((one) => one.dataset.title);

  // Of all that were moved in this section, where they stand now.
  const keep = (card) => {
    choices.at.set(card.dataset.title, 0);
    orderOf(card).forEach((title, place) => { if (choices.at.has(title)) choices.at.set(title, place); });
    metrics.write();
  };

  const say = (card) => {
    const shown = cardsAround(card).filter((one) => !one.hidden);
    page.querySelector("[data-moved]").textContent = `${card.dataset.title}: ${shown.indexOf(card) + 1} of ${shown.length}`;
  };

  const move = (handle, by) => {
    const card = handle.closest("[data-card]"), shown = cardsAround(card).filter((one) => !one.hidden), from = shown.indexOf(card);
    const to = Math.min(shown.length - 1, Math.max(0, from + by));
    if (to === from) return;
    shown[to][to < from ? "before" : "after"](card);
    handle.focus();
    card.scrollIntoView({ block: "nearest" });
    keep(card);
    say(card);
  };

  page.addEventListener("keydown", (event) => {
    const handle = event.target.closest("[data-chart-move]"), by = STEPS[event.key];
    if (!handle || !by || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    move(handle, by);
  });

  // Pointer events, for a finger drags no HTML5 drags.
  page.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-chart-move]");
    if (!handle || event.button) return;
    dragged = handle.closest("[data-card]");
    had = orderOf(dragged).join("\n");
    event.preventDefault();
    handle.focus();
    dragged.classList.add("metric-dragged");
  });
  window.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    if (event.clientY < EDGE) window.scrollBy(0, -EDGE / 4);
    if (event.clientY > innerHeight - EDGE) window.scrollBy(0, EDGE / 4);
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-card]");
    if (!over || over === dragged || over.parentElement !== dragged.parentElement) return;
    const all = cardsAround(dragged);
    over[all.indexOf(over) < all.indexOf(dragged) ? "before" : "after"](dragged);
  });
  const drop = () => {
    if (!dragged) return;
    dragged.classList.remove("metric-dragged");
    if (orderOf(dragged).join("\n") !== had) {
      keep(dragged);
      say(dragged);
    }
    dragged = null;
  };
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, drop);

  page.addEventListener("click", (event) => {
    if (!event.target.closest("[data-usual-order]")) return;
    choices.at.clear();
    metrics.write();
    location.reload();
  });
})();
