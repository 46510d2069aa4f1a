// Tabs of the comparison are swapped by htmx. onTabShown sets a tab up now and after every swap. The state of the tab
// is kept: scroll positions, open elements, and the focus.

const SCROLLED = ".table-wrap, .compare-logs, .file-states, .compare-legend, .parallel";

// Further than any log is long.
const END = 1e9;

const setUps = [];

// `isUpdate`: it is the same tab as before, with new data.
export const onTabShown = (setUp) => {
  setUps.push(setUp);
  setUp(false);
};

const swapListeners = [];
export const onSwapped = (listener) => { swapListeners.push(listener); };

// Another log starts at its end; the same log with new lines keeps its scroll position.
const findScrolled = (isUpdate) => [...document.querySelectorAll(`#compare :is(${SCROLLED}${isUpdate ? ", .compare-log pre" : ""})`)];

const readScroll = (element) => {
  const isLogAtEnd = element.localName === "pre" && element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
  return [element.scrollLeft, isLogAtEnd ? END : element.scrollTop];
};

// A selector that finds the element again after a swap.
const describeElement = (element) => {
  if (!element?.closest("#compare")) return "";
  if (element.id) return `#${CSS.escape(element.id)}`;
  const name = ["value", "href", "aria-label"].find((one) => element.getAttribute(one));
  return name ? `#compare ${element.localName}[${name}="${CSS.escape(element.getAttribute(name))}"]` : "";
};

let before = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "compare") return;
  const isUpdate = event.detail.requestConfig?.elt.id === "compare-live";
  before = {
    isUpdate,
    open: document.querySelector("#compare :popover-open")?.id,
    scrolls: findScrolled(isUpdate).map(readScroll),
    focused: describeElement(document.activeElement),
  };
});

const restoreState = ({ isUpdate, open, scrolls, focused }) => {
  if (open) document.getElementById(open)?.showPopover();
  findScrolled(isUpdate).forEach((element, index) => { if (scrolls[index]) element.scrollTo(...scrolls[index]); });
  // The pressed button may have another label now; then the table gets the focus.
  const isFocusLost = focused && document.activeElement === document.body;
  if (isFocusLost) (document.querySelector(focused) || document.querySelector("#compare .table-wrap"))?.focus({ preventScroll: true });
};

document.addEventListener("htmx:afterSettle", (event) => {
  if (!before || (event.detail.elt.id !== "compare" && event.detail.target?.id !== "compare")) return;
  const state = before;
  before = null;
  for (const setUp of setUps) setUp(state.isUpdate);
  restoreState(state);
  for (const listener of swapListeners) listener();
});
