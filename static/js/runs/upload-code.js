// form[data-code-upload]: a folder, files or a zip, chosen or dropped, become one zip and are sent. The server says first
// which of the files are taken, so that nothing else leaves the machine. Without this module the form sends a zip.
import { centralHeader, crc32, endRecord, localHeader } from "../pure/zip.js";
import { bindDrop } from "../shared/dropped-files.js";
import { readCsrfToken } from "../shared/requests.js";

const form = document.querySelector("[data-code-upload]");
const part = (name) => form.querySelector(`[data-${name}]`);
const IGNORE_FILES = [".amlignore", ".gitignore"];
// The maximum size of an archive without the Zip64 extension.
const MAX_ZIP_BYTES = 0xffffffff;

let chosen = null;
let request = null;
let isStopped = false;

const show = (name) => {
  for (const each of ["drop", "ready", "sending"]) part(each).hidden = each !== name;
  part("code-error").textContent = "";
};

const fail = (text) => {
  show("drop");
  part("code-error").textContent = text;
};

const formatBytes = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

const sumSizes = (files) => files.reduce((sum, { file }) => sum + file.size, 0);

// All files are in the selected folder; the code starts below it.
const stripFolder = (files) => {
  const first = `${files[0].path.split("/")[0]}/`;
  const isFolder = files.every(({ path }) => path.startsWith(first));
  return isFolder ? files.map(({ path, file }) => ({ path: path.slice(first.length), file })) : files;
};

const postJson = async (url, body) => {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": readCsrfToken() };
  const answer = await fetch(url, { method: "POST", headers: { ...headers, "HX-Request": "true" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(readError(answer.headers.get("HX-Trigger"), answer.status));
  return answer.json();
};

// An error of the server is a toast for htmx: its text is in a header.
const readError = (header, status) => {
  const toasts = header ? JSON.parse(header).toast.toasts : [];
  return toasts[0]?.text || `The server answered ${status}. Try again.`;
};

const selectFiles = async (files) => {
  const named = IGNORE_FILES.map((name) => files.find(({ path }) => path === name)).find(Boolean);
  const ignore = named && { name: named.path, text: await named.file.text() };
  const answer = await postJson(form.dataset.selectUrl, { paths: files.map(({ path }) => path), ignore });
  return { files: answer.included.map((index) => files[index]), leftOut: answer.leftOut };
};

const checkLimits = (files) => {
  if (!files.length) throw new Error("There is no file that can be used in what you chose.");
  if (files.length > Number(form.dataset.maxFiles)) {
    const max = Number(form.dataset.maxFiles).toLocaleString("en");
    throw new Error(`These are ${files.length.toLocaleString("en")} files; ${max} can be sent. Choose a smaller folder.`);
  }
};

const checkSize = (files) => {
  const size = sumSizes(files);
  const max = Math.min(Number(form.dataset.maxBytes), MAX_ZIP_BYTES);
  if (size <= max) return;
  const largest = [...files].sort((one, other) => other.file.size - one.file.size).slice(0, 3);
  const named = largest.map(({ path, file }) => `${path} (${formatBytes(file.size)})`).join(", ");
  throw new Error(`The files have ${formatBytes(size)}; ${formatBytes(max)} are allowed. Name what the job does not need in .amlignore. Largest: ${named}.`);
};

const isZip = (files) => files.length === 1 && /\.zip$/i.test(files[0].path);

const take = async (given) => {
  try {
    checkLimits(given);
    const zip = isZip(given) ? given[0].file : null;
    const selection = zip ? { files: given, leftOut: "" } : await selectFiles(stripFolder(given));
    checkLimits(selection.files);
    checkSize(selection.files);
    chosen = { files: selection.files, zip };
    const count = selection.files.length;
    const what = zip ? zip.name : `${count.toLocaleString("en")} file${count === 1 ? "" : "s"}`;
    show("ready");
    part("ready-text").textContent = `${what}, ${formatBytes(sumSizes(selection.files))}`;
    part("left-out").textContent = selection.leftOut;
    part("upload").focus();
  } catch (error) {
    fail(error.message);
  }
};

const deflate = async (file) => {
  if (!window.CompressionStream) return null;
  return new Response(file.stream().pipeThrough(new CompressionStream("deflate-raw"))).blob();
};

const isExecutable = (bytes) => bytes[0] === 0x23 && bytes[1] === 0x21;

const pack = async (files, report) => {
  const parts = [];
  const central = [];
  let offset = 0;
  for (const [index, { path, file }] of files.entries()) {
    if (isStopped) return null;
    const bytes = new Uint8Array(await file.arrayBuffer());
    const small = await deflate(file);
    const isDeflated = Boolean(small) && small.size < file.size;
    const content = isDeflated ? small : file;
    const entry = { name: path, crc: crc32(bytes), size: file.size, packedSize: content.size, isDeflated, isExecutable: isExecutable(bytes) };
    const header = localHeader(entry);
    central.push(centralHeader(entry, offset));
    parts.push(header, content);
    offset += header.length + content.size;
    report(index + 1);
  }
  const size = central.reduce((sum, bytes) => sum + bytes.length, 0);
  return new Blob([...parts, ...central, endRecord(files.length, size, offset)]);
};

const setProgress = (text, share) => {
  part("sending-text").textContent = text;
  part("sending").querySelector("progress").value = share;
};

const send = (blob, isRooted) =>
  new Promise((resolve, reject) => {
    request = new XMLHttpRequest();
    request.open("POST", `${form.action}${isRooted ? "&rooted" : ""}`);
    request.setRequestHeader("Content-Type", "application/zip");
    request.setRequestHeader("X-CSRFToken", readCsrfToken());
    request.setRequestHeader("HX-Request", "true");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      const done = loaded === total ? "Checking what was sent…" : `${formatBytes(loaded)} of ${formatBytes(total)} sent`;
      setProgress(done, loaded / total);
    });
    request.addEventListener("load", () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText).next);
      else reject(new Error(readError(request.getResponseHeader("HX-Trigger"), request.status)));
    });
    request.addEventListener("error", () => reject(new Error("The connection broke off. Try again.")));
    request.addEventListener("abort", () => reject(new Error("Nothing was uploaded.")));
    request.send(blob);
  });

const upload = async () => {
  isStopped = false;
  show("sending");
  setProgress("Packing the files…", 0);
  try {
    const report = (count) => setProgress(`${count} of ${chosen.files.length} files packed`, count / chosen.files.length);
    const blob = chosen.zip || (await pack(chosen.files, report));
    if (!blob) throw new Error("Nothing was uploaded.");
    window.location.assign(await send(blob, !chosen.zip));
  } catch (error) {
    fail(error.message);
  }
};

const takeInput = (input) => {
  const files = [...(input.files || [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  input.value = "";
  if (files.length) take(files);
};

if (form) {
  part("plain").remove();
  show("drop");
  bindDrop(part("drop"), take);
  form.addEventListener("click", ({ target }) => {
    const kind = target.closest("[data-choose]")?.dataset.choose;
    if (kind) form.querySelector(`[data-input="${kind}"]`).click();
    if (target.closest("[data-upload]")) upload();
    if (target.closest("[data-again]")) show("drop");
    if (target.closest("[data-stop]")) {
      isStopped = true;
      request?.abort();
    }
  });
  form.addEventListener("change", ({ target }) => takeInput(target));
  // Files that were chosen before this module ran.
  for (const input of form.querySelectorAll("[data-input]")) takeInput(input);
}
