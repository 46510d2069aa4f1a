// The rows of a list of jobs: a stretch of them is chosen by Shift, and letters act on the row that has the focus.
(() => {
  const rowOf = (element) => element.closest?.("#run-table tbody tr");
  const boxOf = (row) => row?.querySelector("input[name=run]");

  // From the box that was clicked last to this one.
  let last = null;
  document.addEventListener("click", (event) => {
    if (!event.target.matches("#runs-form input[name=run]")) return;
    const all = [...document.querySelectorAll("#runs-form input[name=run]")];
    const [from, to] = [all.findIndex((box) => box.value === last), all.indexOf(event.target)];
    if (event.shiftKey && from >= 0) for (const box of all.slice(Math.min(from, to), Math.max(from, to))) box.checked = event.target.checked;
    last = event.target.value;
    boxOf(rowOf(event.target)).dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Opens a row's child jobs or its group if it is closed, closes it if it is open.
  const turn = (row, open) => {
    const toggle = row.querySelector("[aria-expanded]");
    if (toggle?.getAttribute("aria-expanded") === String(!open)) toggle.click();
  };
  const act = {
    x: (row) => boxOf(row)?.click(),
    s: (row) => row.querySelector(".star")?.click(),
    ArrowRight: (row) => turn(row, true),
    ArrowLeft: (row) => turn(row, false),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || document.querySelector("dialog[open], :popover-open")) return;
    const row = rowOf(event.target);
    if (event.key === "q" && !event.target.matches("input:not([type=checkbox]), textarea, select")) document.getElementById("run-query").focus();
    else if (row && act[event.key]) act[event.key](row);
    else return;
    event.preventDefault();
  });
})();
