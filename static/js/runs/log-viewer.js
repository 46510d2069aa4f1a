// A long text file of which only a window of lines is in memory: read by ranges around the visible lines, followed while it grows.
import { cleanLine, hasLineEnd, splitLines, splitMatches } from "../pure/log-text.js";
import { wrapIndex } from "../pure/words.js";
import { recordAnswer, recordMiss } from "../shared/missed-polls.js";
import { fetchUrl } from "../shared/requests.js";
import { showToast } from "../shell/toasts.js";

const CHUNK = 128 * 1024, MAX_WINDOW = 6 * CHUNK;
// The distance (in pixels) from the end of the window at which more of the file is loaded.
const NEAR_END = 800, AT_END = 40;
const POLL_MS = 1000, HIDDEN_POLL_MS = 10000;
const WRAP_KEY = "log-wrap";

const bindLogViewer = (viewer) => {
  const findPart = (name) => viewer.querySelector(`[data-log-${name}]`);
  const [scrollBox, follow, wrap, position, hitsText, search] = ["lines", "follow", "wrap", "position", "hits", "search"].map(findPart);
  const fileUrl = (kind, more = {}) => `${viewer.dataset.file}${kind}?${new URLSearchParams({ path: viewer.dataset.path, ...more })}`;
  const decoder = new TextDecoder();

  // The window holds whole lines, the bytes from `start` to `end`; `firstNumber` is the number of its first line, null if unknown.
  let size = Number(viewer.dataset.size), isActive = viewer.hasAttribute("data-active");
  let start = 0, end = 0, firstNumber = 1;
  let words = "", hits = [], hasMoreHits = false, currentHit = -1;
  const list = Object.assign(document.createElement("div"), { className: "log-list" });
  // The last line, as long as its end is not written.
  const openLine = Object.assign(document.createElement("div"), { className: "log-line", hidden: true });

  // ---- bytes and lines

  const readBytes = async (from, to) => {
    if (to <= from) return new Uint8Array();
    const answer = await fetchUrl(fileUrl(""), { Range: `bytes=${from}-${to - 1}` });
    if (!answer.ok) throw new Error(`The file cannot be read: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };

  const decodeLine = (bytes) => cleanLine(decoder.decode(bytes));

  const setLineText = (element, text) => {
    const parts = splitMatches(text, words);
    element.replaceChildren(...parts.map((part, index) => (index % 2 ? Object.assign(document.createElement("mark"), { textContent: part }) : part)));
  };

  const makeLine = (byte, text) => {
    const element = document.createElement("div");
    element.className = "log-line";
    element.dataset.byte = byte;
    setLineText(element, text);
    return element;
  };

  // The lines of bytes from `offset` of the file, and the incomplete rest.
  const makeLines = (bytes, offset, skipFirst = false) => {
    const { begin, lines, rest } = splitLines(bytes, { skipFirst, maxLength: CHUNK });
    const fragment = document.createDocumentFragment();
    for (const [from, to] of lines) fragment.append(makeLine(offset + from, decodeLine(bytes.subarray(from, to))));
    return { fragment, begin: offset + begin, end: offset + rest, rest: bytes.subarray(rest) };
  };

  const showPosition = () => { if (position) position.value = size ? Math.round((findVisibleByte() / size) * 1000) : 0; };

  const updateNumbers = () => {
    list.style.counterReset = `line ${(firstNumber || 1) - 1}`;
    viewer.classList.toggle("log-unnumbered", firstNumber === null);
    showPosition();
  };

  const showOpenLine = (bytes) => {
    openLine.hidden = !bytes.length;
    openLine.dataset.byte = end;
    if (bytes.length) setLineText(openLine, decodeLine(bytes));
  };

  // ---- the window

  // Whether there was more to read.
  const readForward = async () => {
    const bytes = await readBytes(end, Math.min(size, end + CHUNK));
    const made = makeLines(bytes, end);
    list.append(made.fragment);
    end = made.end;
    showOpenLine(end + made.rest.length >= size ? made.rest : []);
    trimTop();
    updateNumbers();
    return bytes.length > made.rest.length;
  };

  const readBack = async () => {
    const from = Math.max(0, start - CHUNK);
    const bytes = await readBytes(from, start);
    const made = makeLines(bytes, from, from > 0 && hasLineEnd(bytes));
    const heightBefore = scrollBox.scrollHeight, added = made.fragment.childElementCount;
    list.prepend(made.fragment);
    scrollBox.scrollTop += scrollBox.scrollHeight - heightBefore;
    start = made.begin;
    if (firstNumber !== null) firstNumber = start === 0 ? 1 : firstNumber - added;
    trimBottom();
    updateNumbers();
  };

  const trimTop = () => {
    if (end - start <= MAX_WINDOW) return;
    const heightBefore = scrollBox.scrollHeight;
    let removed = 0;
    while (end - start > MAX_WINDOW && list.childElementCount > 1) {
      list.firstElementChild.remove();
      start = Number(list.firstElementChild.dataset.byte);
      removed += 1;
    }
    if (firstNumber !== null) firstNumber += removed;
    scrollBox.scrollTop -= heightBefore - scrollBox.scrollHeight;
  };

  const trimBottom = () => {
    while (end - start > MAX_WINDOW && list.childElementCount > 1) {
      end = Number(list.lastElementChild.dataset.byte);
      list.lastElementChild.remove();
      showOpenLine([]);
    }
  };

  const jumpTo = async (byte) => {
    const from = Math.max(0, Math.min(byte, size) - CHUNK);
    const bytes = await readBytes(from, Math.min(size, from + 2 * CHUNK));
    const made = makeLines(bytes, from, from > 0 && hasLineEnd(bytes));
    list.replaceChildren(made.fragment);
    start = made.begin;
    end = made.end;
    firstNumber = start === 0 ? 1 : null;
    showOpenLine(end + made.rest.length >= size ? made.rest : []);
    updateNumbers();
    if (start > 0) loadFirstNumber(start);
  };

  const loadFirstNumber = async (byte) => {
    const answer = await fetchUrl(fileUrl("state/", { start: byte }));
    if (!answer.ok || byte !== start) return;
    const { line } = await answer.json();
    firstNumber = line === null ? null : line + 1;
    updateNumbers();
  };

  const jumpToEnd = async () => {
    if (end < size - CHUNK || end < start + 1) await jumpTo(size);
    while (end < size && (await readForward())) if (size - end > MAX_WINDOW) return jumpToEnd();
    scrollBox.scrollTop = scrollBox.scrollHeight;
    return undefined;
  };

  const jumpToStart = async () => {
    if (start > 0 || !end) await jumpTo(0);
    scrollBox.scrollTop = 0;
  };

  const findLine = (byte) => [...list.children].findLast((line) => Number(line.dataset.byte) <= byte);

  const findVisibleByte = () => {
    const lines = list.children;
    let low = 0, high = lines.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lines[middle].offsetTop + lines[middle].offsetHeight <= scrollBox.scrollTop) low = middle + 1;
      else high = middle;
    }
    return lines.length ? Number(lines[low].dataset.byte) : 0;
  };

  // One after the other, so that two changes of the window never overlap.
  let queue = Promise.resolve();
  const enqueue = (action) => (queue = queue.then(action).catch((error) => showToast(error.message, "warning")));

  let isFilling = false;
  const fillWindow = () => {
    if (isFilling) return;
    const needsAbove = start > 0 && scrollBox.scrollTop < NEAR_END;
    const needsBelow = end < size && scrollBox.scrollHeight - scrollBox.scrollTop - scrollBox.clientHeight < NEAR_END;
    if (!needsAbove && !needsBelow) return;
    isFilling = true;
    enqueue(async () => {
      const hasMore = needsBelow ? await readForward() : (await readBack(), true);
      isFilling = false;
      if (hasMore) requestAnimationFrame(fillWindow);
    }).finally(() => { isFilling = false; });
  };

  // ---- following

  const isAtEnd = () => scrollBox.scrollHeight - scrollBox.scrollTop - scrollBox.clientHeight < AT_END;
  const shownSize = document.querySelector("[data-file-size]");
  let pollWait = POLL_MS, wasEnded = false;

  const poll = async () => {
    try {
      const answer = await fetchUrl(fileUrl("state/"));
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.json();
      pollWait = POLL_MS;
      recordAnswer(viewer);
      if (state.size !== size) growTo(state.size, state.sizeText);
      // The last lines may come a moment after the end.
      if (!state.active && wasEnded) return stopFollowing();
      wasEnded = !state.active;
    } catch {
      pollWait = recordMiss(viewer);
    }
    return setTimeout(poll, document.hidden ? Math.max(HIDDEN_POLL_MS, pollWait) : pollWait);
  };

  const growTo = (newSize, sizeText) => {
    const wasWhole = end + (openLine.hidden ? 0 : 1) >= size || isAtEnd();
    size = newSize;
    viewer.dataset.size = newSize;
    if (shownSize) shownSize.textContent = sizeText;
    if (follow.checked) enqueue(jumpToEnd);
    else if (wasWhole) fillWindow();
  };

  const stopFollowing = () => {
    isActive = false;
    follow.checked = false;
    follow.disabled = true;
  };

  // ---- searching

  const runSearch = async () => {
    words = search.querySelector("input").value.toLowerCase();
    hits = [];
    hasMoreHits = false;
    currentHit = -1;
    for (const line of list.children) setLineText(line, line.textContent);
    const answer = words ? await fetch(fileUrl("search/", { q: words })) : null;
    if (answer?.ok) {
      const found = await answer.json();
      hits = found.hits;
      hasMoreHits = found.next !== null;
    }
    if (hits.length) await showHit(0);
    else showHitCount();
  };

  const showHitCount = () => {
    const found = hits.length ? `${currentHit + 1} of ${hits.length}${hasMoreHits ? "+" : ""}` : "Nothing found";
    hitsText.textContent = words ? found : "";
    for (const button of viewer.querySelectorAll("[data-log-hit]")) button.disabled = hits.length < 2;
  };

  const showHit = (index) => enqueue(async () => {
    currentHit = wrapIndex(index, hits.length);
    follow.checked = false;
    const { offset } = hits[currentHit];
    if (offset < start || offset >= end) await jumpTo(offset + CHUNK / 2);
    list.querySelector(".log-current")?.classList.remove("log-current");
    const line = offset >= end && !openLine.hidden ? openLine : findLine(offset);
    line?.classList.add("log-current");
    if (line) scrollBox.scrollTop = line.offsetTop - scrollBox.clientHeight / 3;
    showHitCount();
  });

  // ---- controls

  search.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = event.target.querySelector("input");
    if (input.value.toLowerCase() === words && hits.length) showHit(currentHit + 1);
    else runSearch();
  });
  viewer.addEventListener("click", (event) => {
    const step = event.target.closest("[data-log-hit]");
    if (step && hits.length) showHit(currentHit + Number(step.dataset.logHit));
    if (event.target.closest("[data-log-start]")) {
      follow.checked = false;
      enqueue(jumpToStart);
    }
    if (event.target.closest("[data-log-end]")) {
      follow.checked = isActive;
      enqueue(jumpToEnd);
    }
  });
  follow.addEventListener("change", () => { if (follow.checked) enqueue(jumpToEnd); });
  wrap.addEventListener("change", () => {
    viewer.classList.toggle("log-wrapped", wrap.checked);
    localStorage.setItem(WRAP_KEY, wrap.checked ? "1" : "");
  });
  position.addEventListener("change", () => {
    follow.checked = false;
    const byte = Math.round((size * position.value) / 1000);
    enqueue(async () => {
      if (byte < start || byte >= end) await jumpTo(byte + CHUNK / 2);
      scrollBox.scrollTop = findLine(byte)?.offsetTop || 0;
    });
  });
  scrollBox.addEventListener("scroll", () => {
    fillWindow();
    showPosition();
  }, { passive: true });
  for (const event of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    scrollBox.addEventListener(event, () => setTimeout(() => { if (!isAtEnd()) follow.checked = false; }, 100), { passive: true });
  }

  position.hidden = size < MAX_WINDOW;
  wrap.checked = Boolean(localStorage.getItem(WRAP_KEY));
  viewer.classList.toggle("log-wrapped", wrap.checked);
  scrollBox.replaceChildren(list, openLine);
  if (isActive) {
    enqueue(jumpToEnd);
    poll();
  } else {
    follow.disabled = true;
    enqueue(jumpToStart);
  }
};

const logViewer = document.querySelector("[data-log]");
if (logViewer) bindLogViewer(logViewer);
