// [data-nav-toggle] collapses the left navigation; a cookie stores it, so that the next page has the same state.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-nav-toggle]");
  if (!button) return;
  const state = document.body.dataset.nav === "collapsed" ? "open" : "collapsed";
  document.body.dataset.nav = state;
  button.setAttribute("aria-expanded", state === "open");
  document.cookie = `nav=${state}; path=/; max-age=31536000; samesite=lax`;
  window.dispatchEvent(new Event("resize"));
});
