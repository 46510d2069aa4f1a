// A select that opens another page: select[data-goto], whose values are URLs of this site.
document.addEventListener("change", (event) => {
  const choice = event.target.closest("select[data-goto]");
  if (choice) window.location.assign(choice.value);
});
