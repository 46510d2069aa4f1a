// "n" and "p": to the next and the previous difference of a table, a log or a file, and on to the next page of a long table.
(() => {
  let at = -1;
  const marks = () => [...document.querySelectorAll("#compare [data-differs]")];
  const page = (words) => [...document.querySelectorAll("#compare .pager button")].find((button) => button.textContent === words);

  const show = (place) => {
    at = place;
    const all = marks();
    all.forEach((mark, number) => mark.classList.toggle("at-difference", number === at));
    all[at].scrollIntoView({ block: "center", inline: "nearest" });
    const where = document.querySelector("#compare .pager") ? " on this page" : "";
    document.querySelector("[data-difference-count]").textContent = `Difference ${at + 1} of ${all.length}${where}: ${all[at].dataset.differs}`;
  };

  // Which end of a page to begin at, after it was turned.
  let turned = 0;
  const step = (by) => {
    const count = marks().length;
    const next = at < 0 ? (by > 0 ? 0 : count - 1) : at + by;
    const other = page(by > 0 ? "Next" : "Previous");
    if ((next < 0 || next >= count) && other) {
      turned = by;
      other.click();
    } else if (count) show((next + count) % count);
  };

  lazuli.compare?.onShown((isAnew) => {
    if (!isAnew) at = -1;
    const count = marks().length;
    if (turned && count) show(turned > 0 ? 0 : count - 1);
    else if (at >= 0 && at < count) marks()[at].classList.add("at-difference");
    turned = 0;
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-difference]");
    if (button) step(Number(button.dataset.difference));
  });
  lazuli.compare?.onKey({ n: () => step(1), p: () => step(-1) });
})();
