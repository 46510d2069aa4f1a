// The header of a table of jobs, in a list or compared, stays below that of the page while the page scrolls. The table scrolls sideways in a box of
// its own, and inside such a box CSS alone keeps nothing in sight of the page. Where the browser can tie an animation to
// scrolling (runs-table.css), it moves with the page; this sets how far. Elsewhere this moves it.

const canAnimate = CSS.supports("animation-timeline: view()");
const findWrap = () => document.querySelector("#run-table .table-wrap, .table-wrap:has(> .compare-table)");

const moveHeader = (wrap) => {
  const head = wrap.querySelector("thead"), top = document.querySelector(".header").offsetHeight - wrap.getBoundingClientRect().top;
  head.style.transform = `translateY(${Math.max(0, Math.min(top, wrap.offsetHeight - head.offsetHeight))}px)`;
};

const placeHeader = () => {
  const wrap = findWrap();
  if (!wrap) return;
  if (canAnimate) {
    const head = wrap.querySelector("thead").offsetHeight;
    wrap.style.setProperty("--head-height", `${head}px`);
    wrap.style.setProperty("--head-way", `${wrap.clientHeight - head}px`);
  } else moveHeader(wrap);
};

const sizes = new ResizeObserver(placeHeader);
const watchTable = () => {
  sizes.disconnect();
  if (findWrap()) sizes.observe(findWrap());
  placeHeader();
};

if (!canAnimate) window.addEventListener("scroll", placeHeader, { passive: true });
document.addEventListener("htmx:afterSettle", watchTable);
watchTable();
