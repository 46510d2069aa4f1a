// The editor of tags shows those that the selected jobs have; one of them that is clicked can be given another value.
import { fetchPiece } from "../shared/requests.js";
import { findBoxes } from "./selection.js";

const editor = document.getElementById("tag-many");

const showTags = async (place) => {
  const ticked = findBoxes().filter((box) => box.checked).map((box) => ["run", box.value]);
  place.replaceChildren();
  if (!ticked.length) return;
  const answer = await fetchPiece(`${place.dataset.url}?${new URLSearchParams(ticked)}`).catch(() => null);
  if (answer?.ok) place.innerHTML = await answer.text();
};

editor?.addEventListener("beforetoggle", (event) => {
  if (event.newState === "open") showTags(editor.querySelector("[data-present-tags]"));
});

editor?.addEventListener("click", (event) => {
  const tag = event.target.closest("[data-edit-tag]");
  if (!tag) return;
  editor.querySelector("[name=tag_name]").value = tag.dataset.editTag;
  const value = editor.querySelector("[name=tag_value]");
  value.value = tag.dataset.value;
  value.select();
});
