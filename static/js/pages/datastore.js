// A whole folder can be chosen; the relative paths of its files are sent with them.
const form = document.querySelector("[data-upload]");
if (form) {
  const input = form.querySelector("input[type=file]");
  form.querySelector("[data-whole]").hidden = false;
  form.querySelector("[data-choose-folder]").addEventListener("change", (event) => {
    input.webkitdirectory = event.target.checked;
    input.value = "";
  });
  input.addEventListener("change", () => {
    form.querySelectorAll("input[name=paths]").forEach((old) => old.remove());
    for (const file of input.files) {
      const path = document.createElement("input");
      Object.assign(path, { type: "hidden", name: "paths", value: file.webkitRelativePath || file.name });
      form.append(path);
    }
  });
}
