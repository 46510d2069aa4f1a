// Completes the query above a list of jobs: names, operators, values, and the words between conditions.
import { completeQuery, parseQuery, spellOffer } from "../pure/query-completion.js";

// Whether there was an error, which hangs over the table below the box.
const closeError = () => {
  const error = document.getElementById("query-error"), had = error.childElementCount > 0;
  error.replaceChildren();
  return had;
};
document.addEventListener("click", (event) => {
  if (!event.target.closest("#query-error [data-close-error]")) return;
  closeError();
  document.getElementById("run-query").focus();
});

const bindQueryBox = (box, list) => {
  // `isWanted`: whether names that are still loading may open the list; not after Enter, whose answer it would cover.
  let names = null, loading = null, offers = [], current = -1, isWanted = false;

  const loadNames = () => {
    loading ??= fetch(box.dataset.namesUrl)
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((found) => { names = found; if (isWanted) showOffers(); })
      .catch(() => { loading = null; });
  };

  const drawOffers = () => {
    list.replaceChildren(...offers.map((offer, index) => {
      const item = Object.assign(document.createElement("li"), { id: `query-offer-${index}`, textContent: offer });
      item.dataset.offer = offer;
      if (names?.counts?.[offer]) item.append(Object.assign(document.createElement("span"), { className: "muted", textContent: ` ${names.counts[offer].toLocaleString("en")} ${names.counts[offer] === 1 ? "job" : "jobs"}` }));
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", index === current);
      return item;
    }));
    list.hidden = !offers.length;
    box.setAttribute("aria-expanded", !list.hidden);
    if (current >= 0) box.setAttribute("aria-activedescendant", `query-offer-${current}`);
    else box.removeAttribute("aria-activedescendant");
    list.children[current]?.scrollIntoView({ block: "nearest" });
  };

  const setOffers = (found) => {
    offers = found;
    current = -1;
    drawOffers();
  };
  const hideOffers = () => {
    isWanted = false;
    setOffers([]);
  };

  const textBeforeCaret = () => box.value.slice(0, box.selectionStart);
  const showOffers = () => {
    isWanted = true;
    setOffers(names && document.activeElement === box ? completeQuery(textBeforeCaret(), names) : []);
  };

  const insertOffer = (offer) => {
    box.setRangeText(spellOffer(offer), parseQuery(textBeforeCaret()).start, box.selectionStart, "end");
    showOffers();
  };

  const moveInOffers = (step) => {
    current = (current + step + offers.length + (current < 0 && step < 0 ? 1 : 0)) % offers.length;
    drawOffers();
  };

  // Whether the key was for the list of offers.
  const handleKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (list.hidden) {
      if (event.key === "Enter") hideOffers();
      if (event.key === "Escape") return closeError();
      if (event.key !== "ArrowDown") return false;
      loadNames();
      showOffers();
    } else if (step) moveInOffers(step);
    else if (event.key === "Escape") hideOffers();
    else if ((event.key === "Enter" || event.key === "Tab") && current >= 0) insertOffer(offers[current]);
    else {
      if (event.key === "Enter") hideOffers();
      return false;
    }
    return true;
  };

  box.addEventListener("focus", () => {
    isWanted = true;
    loadNames();
  });
  box.addEventListener("input", () => {
    closeError();
    loadNames();
    showOffers();
  });
  box.addEventListener("click", showOffers);
  box.addEventListener("blur", () => setTimeout(hideOffers, 150));
  // Stopped here, so that the key does not also move through the rows of the list.
  box.addEventListener("keydown", (event) => {
    if (!handleKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("li");
    event.preventDefault();
    if (item) insertOffer(item.dataset.offer);
  });
};

const queryBox = document.getElementById("run-query");
if (queryBox) bindQueryBox(queryBox, document.getElementById("query-offers"));
