// img[data-file-image], a file that a user has logged: if it cannot be shown, its size and a link to download it stand in its place.
import { formatBytes } from "../pure/sizes.js";

const IMAGES = "img[data-file-image]";

const findNote = (image) => {
  const next = (image.closest("a") || image).nextElementSibling;
  return next?.matches("[data-unshown]") ? next : null;
};

export const showImageAgain = (image) => {
  findNote(image)?.remove();
  image.classList.remove("unshown");
};

const makeNote = (url, answer) => {
  const note = Object.assign(document.createElement("p"), { className: "nothing" });
  note.dataset.unshown = "";
  if (!answer?.ok) {
    note.textContent = answer ? `This image cannot be read: the studio answered with error ${answer.status}.` : "This image cannot be read.";
    return note;
  }
  const length = answer.headers.get("Content-Length");
  const link = Object.assign(document.createElement("a"), { href: `${url}&download`, download: "", textContent: "Download the file" });
  note.append(`This image cannot be shown${length ? ` (${formatBytes(Number(length))})` : ""}. `, link);
  return note;
};

const replaceImage = async (image) => {
  const url = image.src, answer = await fetch(url, { method: "HEAD" }).catch(() => null);
  if (image.src !== url) return;
  showImageAgain(image);
  // What is not displayed is loaded at once only without `lazy`; another step may have an image that can be shown.
  image.loading = "eager";
  image.classList.add("unshown");
  (image.closest("a") || image).after(makeNote(url, answer));
};

// Neither event bubbles.
document.addEventListener("error", ({ target }) => { if (target.matches?.(IMAGES)) replaceImage(target); }, true);
document.addEventListener("load", ({ target }) => { if (target.matches?.(IMAGES)) showImageAgain(target); }, true);

// Those that failed before this module was there.
for (const image of document.querySelectorAll(IMAGES)) if (image.complete) image.decode().catch(() => replaceImage(image));
