// form[data-upload]: files or whole folders are chosen or dropped, and the paths of the files are sent with them. With
// data-piece-url they are sent in pieces, with their progress: an upload that broke off continues where it stopped. With
// data-upload-then-submit they go into data-folder, and the form is sent afterwards with their path.
import { formatBytes } from "../pure/sizes.js";
import { bindDrop } from "../shared/dropped-files.js";
import { readCsrfToken } from "../shared/requests.js";

const PIECE = 16 * 1048576, PARALLEL = 3, TRIES = 4;
const form = document.querySelector("[data-upload]");
const part = (name) => form.querySelector(`[data-upload-${name}]`);
const requests = new Set();
let isStopped = false;

const setPaths = (paths) => {
  form.querySelectorAll("input[name=paths]").forEach((old) => old.remove());
  for (const value of paths) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "paths", value });
    form.append(field);
  }
};

const bindChoice = (input) => {
  form.querySelector("[data-whole]").hidden = false;
  form.querySelector("[data-choose-folder]").addEventListener("change", (event) => {
    input.webkitdirectory = event.target.checked;
    input.value = "";
  });
  input.addEventListener("change", () => setPaths([...input.files].map((file) => file.webkitRelativePath || file.name)));
  bindDrop(form, (found) => {
    const chosen = new DataTransfer();
    found.forEach(({ file }) => chosen.items.add(file));
    input.files = chosen.files;
    setPaths(found.map(({ path }) => path));
  });
};

const countFiles = (count) => `${count.toLocaleString("en")} file${count === 1 ? "" : "s"}`;

// An error of the server is a toast for htmx: its text is in a header.
const makeError = (request) => {
  const header = request.getResponseHeader("HX-Trigger");
  const text = header && JSON.parse(header).toast.toasts[0]?.text;
  return Object.assign(new Error(text || `The server answered ${request.status}.`), { status: request.status });
};

const send = (method, url, blob, report) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    requests.add(request);
    request.open(method, url);
    request.setRequestHeader("X-CSRFToken", readCsrfToken());
    request.setRequestHeader("HX-Request", "true");
    if (blob) request.setRequestHeader("Content-Type", "application/octet-stream");
    if (report) request.upload.addEventListener("progress", ({ loaded }) => report(loaded));
    request.addEventListener("loadend", () => {
      requests.delete(request);
      if (request.status === 200) resolve(JSON.parse(request.responseText));
      else if (request.status) reject(makeError(request));
      else reject(Object.assign(new Error("The connection broke off."), { status: 503 }));
    });
    request.send(blob);
  });

// Browsers compute hashes only for pages by HTTPS or of this machine.
const hashPiece = async (blob) => {
  if (!window.isSecureContext) return "";
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

const sendOnce = async (file, url, report) => {
  let { arrived, exists } = await send("GET", url);
  if (exists) return false;
  do {
    const start = arrived;
    report(start);
    const blob = file.slice(start, start + PIECE);
    const query = `&start=${start}&sha256=${await hashPiece(blob)}`;
    ({ arrived, exists } = await send("POST", url + query, blob, (loaded) => report(start + loaded)));
  } while (!exists && !isStopped);
  return exists;
};

// A form may let people choose the datastore.
const findPieceUrl = () =>
  form.dataset.pieceUrl.replace("DATASTORE", encodeURIComponent(form.elements.datastore?.value || "DATASTORE"));

// Whether it was sent; false for a file that was there before.
const sendFile = async ({ path, file }, report) => {
  const folder = form.dataset.folder || form.elements.folder.value;
  const query = new URLSearchParams({ path: folder ? `${folder}/${path}` : path, size: file.size, stamp: file.lastModified });
  if (form.elements.overwrite?.checked) query.set("overwrite", "1");
  for (let tries = 1; ; tries += 1) {
    try {
      return await sendOnce(file, `${findPieceUrl()}?${query}`, report);
    } catch (error) {
      if (isStopped || ![502, 503, 504].includes(error.status) || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * tries));
    }
  }
};

const sendAll = async (files, show) => {
  const sent = new Map(), waiting = [...files], problems = [];
  let skipped = 0, done = 0;
  const work = async () => {
    while (waiting.length && !isStopped) {
      const item = waiting.shift();
      const report = (bytes) => {
        sent.set(item, Math.min(bytes, item.file.size));
        show(item, [...sent.values()].reduce((sum, one) => sum + one, 0));
      };
      try {
        if (await sendFile(item, report)) done += 1;
        else skipped += 1;
        report(item.file.size);
      } catch (error) {
        problems.push(`${item.path}: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return { done, skipped, problems };
};

const refreshList = async () => {
  const page = new DOMParser().parseFromString(await (await fetch(window.location.href)).text(), "text/html");
  const fresh = page.querySelector(".list-card");
  if (fresh) document.querySelector(".list-card")?.replaceWith(fresh);
};

const describe = ({ done, skipped, problems }) => {
  const left = skipped ? `, ${skipped.toLocaleString("en")} left because they are there already` : "";
  const button = "uploadThenSubmit" in form.dataset ? "Next" : "Upload again";
  const end = problems.length || isStopped ? ` ${button} continues where it stopped.` : "";
  return `${countFiles(done)} uploaded${left}.${end}`;
};

const showResult = (result) => {
  part("done").textContent = describe(result);
  const more = result.problems.length > 3 ? [`and ${result.problems.length - 3} more.`] : [];
  part("error").textContent = isStopped ? "" : [...result.problems.slice(0, 3), ...more].join(" ");
};

const submitPath = (files) => {
  const { folder } = form.dataset;
  form.elements.path.value = files.length === 1 ? `${folder}/${files[0].path}` : folder;
  form.elements.files.value = "";
  setPaths([]);
  form.requestSubmit();
};

const uploadAll = async (files) => {
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  const button = form.querySelector("button:not([type=button])");
  isStopped = false;
  part("error").textContent = part("done").textContent = "";
  part("state").hidden = !(button.disabled = true);
  const result = await sendAll(files, (item, bytes) => {
    part("text").textContent = `${item.path}: ${formatBytes(bytes)} of ${formatBytes(total)}`;
    part("state").querySelector("progress").value = total ? bytes / total : 1;
  });
  part("state").hidden = !(button.disabled = false);
  return result;
};

const upload = async (event) => {
  const paths = [...form.querySelectorAll("input[name=paths]")].map(({ value }) => value);
  const files = [...form.elements.files.files].map((file, index) => ({ file, path: paths[index] || file.name }));
  const isWizard = "uploadThenSubmit" in form.dataset;
  if (isWizard && !files.length) return;
  event.preventDefault();
  if (isWizard && (form.elements.path.value || form.elements.url.value)) {
    part("error").textContent = "Choose files to upload, or write a path, or a web address: one of the three.";
    return;
  }
  const result = await uploadAll(files);
  if (!isWizard || isStopped || result.problems.length) showResult(result);
  if (!isWizard) await refreshList();
  else if (!isStopped && !result.problems.length) submitPath(files);
};

if (form) {
  bindChoice(form.querySelector("input[type=file]"));
  if (form.dataset.pieceUrl) {
    form.addEventListener("submit", upload);
    part("stop").addEventListener("click", () => {
      isStopped = true;
      requests.forEach((request) => request.abort());
    });
    // A page that is left would end the upload.
    window.addEventListener("beforeunload", (event) => {
      if (requests.size) event.preventDefault();
    });
  }
}
