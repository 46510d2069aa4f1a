// A long text file, of which only a window of lines is held: read by ranges around the place one looks at, followed while it grows.
(() => {
  const box = document.querySelector("[data-log]");
  if (!box) return;
  const CHUNK = 128 * 1024, MOST = 6 * CHUNK, NEAR = 800, EVERY = 1000, HIDDEN = 10000, MOST_WAIT = 30000;
  const NEWLINE = 10;
  const part = (name) => box.querySelector(`[data-log-${name}]`);
  const [lines, follow, wrap, place, hitsText] = ["lines", "follow", "wrap", "place", "hits"].map(part);
  const address = (kind, more = {}) => `${box.dataset.file}${kind}?${new URLSearchParams({ path: box.dataset.path, ...more })}`;
  const decoder = new TextDecoder();

  // The window holds whole lines of the bytes from `start` to `end`; `first` is the number of its first line, if known.
  let size = Number(box.dataset.size), active = box.hasAttribute("data-active");
  let start = 0, end = 0, first = 1, chosen = -1, hits = [], words = "";
  const list = Object.assign(document.createElement("div"), { className: "log-list" });
  // The last line, as long as it has no end.
  const open = Object.assign(document.createElement("div"), { className: "log-line", hidden: true });

  // ---- bytes and lines

  const read = async (from, to) => {
    if (to <= from) return new Uint8Array();
    const answer = await fetch(address(""), { headers: { Range: `bytes=${from}-${to - 1}` } });
    if (!answer.ok) throw new Error(`The file cannot be read: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };

  const COLOURS = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;
  const clean = (text) => {
    const plain = text.replace(COLOURS, "").replace(/\r+$/, "");
    // A progress bar writes over itself; what was written last is what one would see.
    return plain.includes("\r") ? plain.slice(plain.lastIndexOf("\r") + 1) : plain;
  };

  const lineOf = (at, text) => {
    const element = document.createElement("div");
    element.className = "log-line";
    element.dataset.at = at;
    mark(element, text);
    return element;
  };

  const mark = (element, text) => {
    element.textContent = "";
    const lower = text.toLowerCase();
    let from = 0;
    for (let found = words ? lower.indexOf(words) : -1; found >= 0; found = lower.indexOf(words, from)) {
      element.append(text.slice(from, found), Object.assign(document.createElement("mark"), { textContent: text.slice(found, found + words.length) }));
      from = found + words.length;
    }
    element.append(text.slice(from));
  };

  // Whole lines of the bytes, and how many bytes they are. A chunk without any end of line counts as one.
  const split = (bytes, base, cutFirst) => {
    const made = document.createDocumentFragment();
    let from = cutFirst ? bytes.indexOf(NEWLINE) + 1 : 0;
    const begin = from;
    for (let to = bytes.indexOf(NEWLINE, from); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
      made.append(lineOf(base + from, clean(decoder.decode(bytes.subarray(from, to)))));
      from = to + 1;
    }
    if (from === begin && bytes.length >= CHUNK) {
      made.append(lineOf(base + from, clean(decoder.decode(bytes.subarray(from)))));
      from = bytes.length;
    }
    return { made, begin: base + begin, end: base + from, rest: bytes.subarray(from) };
  };

  const number = () => {
    list.style.counterReset = `line ${(first || 1) - 1}`;
    box.classList.toggle("log-unnumbered", first === null);
    if (place) place.value = size ? Math.round((visibleByte() / size) * 1000) : 0;
  };

  const showOpen = (rest) => {
    open.hidden = !rest.length;
    open.dataset.at = end;
    if (rest.length) mark(open, clean(decoder.decode(rest)));
  };

  // ---- the window

  const forward = async () => {
    const bytes = await read(end, Math.min(size, end + CHUNK));
    const { made, end: to, rest } = split(bytes, end, false);
    list.append(made);
    end = to;
    showOpen(end + rest.length >= size ? rest : []);
    trimTop();
    number();
    return bytes.length > rest.length;
  };

  const back = async () => {
    const from = Math.max(0, start - CHUNK);
    const bytes = await read(from, start);
    const { made, begin } = split(bytes, from, from > 0 && bytes.includes(NEWLINE));
    const before = lines.scrollHeight, added = made.childElementCount;
    list.prepend(made);
    lines.scrollTop += lines.scrollHeight - before;
    start = begin;
    if (first !== null) first = start === 0 ? 1 : first - added;
    trimBottom();
    number();
  };

  const trimTop = () => {
    if (end - start <= MOST) return;
    const before = lines.scrollHeight;
    let removed = 0;
    while (end - start > MOST && list.childElementCount > 1) {
      list.firstElementChild.remove();
      start = Number(list.firstElementChild.dataset.at);
      removed += 1;
    }
    if (first !== null) first += removed;
    lines.scrollTop -= before - lines.scrollHeight;
  };

  const trimBottom = () => {
    while (end - start > MOST && list.childElementCount > 1) {
      end = Number(list.lastElementChild.dataset.at);
      list.lastElementChild.remove();
      showOpen([]);
    }
  };

  const jump = async (byte) => {
    const from = Math.max(0, Math.min(byte, size) - CHUNK);
    const bytes = await read(from, Math.min(size, from + 2 * CHUNK));
    const { made, begin, end: to, rest } = split(bytes, from, from > 0 && bytes.includes(NEWLINE));
    list.replaceChildren(made);
    start = begin;
    end = to;
    first = start === 0 ? 1 : null;
    showOpen(end + rest.length >= size ? rest : []);
    number();
    if (start > 0) countLines(start);
  };

  const countLines = async (at) => {
    const answer = await fetch(address("state/", { start: at }));
    if (!answer.ok || at !== start) return;
    const { line } = await answer.json();
    first = line === null ? null : line + 1;
    number();
  };

  const toEnd = async () => {
    if (end < size - CHUNK || end < start + 1) await jump(size);
    while (end < size && (await forward())) if (size - end > MOST) return toEnd();
    lines.scrollTop = lines.scrollHeight;
  };

  const lineAt = (byte) => [...list.children].findLast((line) => Number(line.dataset.at) <= byte);

  const visibleByte = () => {
    const all = list.children;
    let [low, high] = [0, all.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle].offsetTop + all[middle].offsetHeight <= lines.scrollTop) low = middle + 1;
      else high = middle;
    }
    return all.length ? Number(all[low].dataset.at) : 0;
  };

  // One thing at a time: a window is never changed by two.
  let work = Promise.resolve();
  const then = (act) => (work = work.then(act).catch((error) => lazuli.toast(error.message, "warning")));

  let filling = false;
  const fill = () => {
    if (filling) return;
    const above = start > 0 && lines.scrollTop < NEAR;
    const below = end < size && lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR;
    if (!above && !below) return;
    filling = true;
    then(async () => {
      const more = below ? await forward() : (await back(), true);
      filling = false;
      if (more) requestAnimationFrame(fill);
    }).finally(() => { filling = false; });
  };

  // ---- following

  const isAtEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  let wait = EVERY, last = false;
  const look = async () => {
    try {
      const answer = await fetch(address("state/"));
      if (!answer.ok) throw new Error(answer.status);
      const now = await answer.json();
      wait = EVERY;
      if (now.size !== size) grow(now.size, now.sizeText);
      // The last lines may come a moment after the end.
      if (!now.active && last) return stop();
      last = !now.active;
    } catch {
      wait = Math.min(wait * 2, MOST_WAIT);
    }
    setTimeout(look, document.hidden ? Math.max(HIDDEN, wait) : wait);
  };

  const shownSize = document.querySelector("[data-file-size]");
  const grow = (to, text) => {
    const wasWhole = end + (open.hidden ? 0 : 1) >= size || isAtEnd();
    size = to;
    box.dataset.size = to;
    if (shownSize) shownSize.textContent = text;
    if (follow.checked) then(toEnd);
    else if (wasWhole) fill();
  };

  const stop = () => {
    active = false;
    follow.checked = false;
    follow.disabled = true;
  };

  // ---- searching

  const search = async () => {
    words = part("search").querySelector("input").value.toLowerCase();
    hits = [];
    chosen = -1;
    for (const line of list.children) mark(line, line.textContent);
    if (words) {
      const answer = await fetch(address("search/", { q: words }));
      if (answer.ok) {
        const found = await answer.json();
        hits = found.hits;
        hits.more = found.next !== null;
      }
    }
    if (hits.length) await show(0);
    else say();
  };

  const say = () => {
    const total = `${hits.length}${hits.more ? "+" : ""}`;
    hitsText.textContent = !words ? "" : hits.length ? `${chosen + 1} of ${total}` : "Nothing found";
    for (const button of box.querySelectorAll("[data-log-hit]")) button.disabled = hits.length < 2;
  };

  const show = (index) => then(async () => {
    chosen = (index + hits.length) % hits.length;
    follow.checked = false;
    const { offset } = hits[chosen];
    if (offset < start || offset >= end) await jump(offset + CHUNK / 2);
    list.querySelector(".log-chosen")?.classList.remove("log-chosen");
    const line = offset >= end && !open.hidden ? open : lineAt(offset);
    line?.classList.add("log-chosen");
    if (line) lines.scrollTop = line.offsetTop - lines.clientHeight / 3;
    say();
  });

  // ---- controls

  part("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = event.target.querySelector("input");
    if (input.value.toLowerCase() === words && hits.length) show(chosen + 1);
    else search();
  });
  box.addEventListener("click", (event) => {
    const step = event.target.closest("[data-log-hit]");
    if (step && hits.length) show(chosen + Number(step.dataset.logHit));
    if (event.target.closest("[data-log-top]")) {
      follow.checked = false;
      then(async () => { if (start > 0) await jump(0); lines.scrollTop = 0; });
    }
    if (event.target.closest("[data-log-end]")) {
      follow.checked = active;
      then(toEnd);
    }
  });
  follow.addEventListener("change", () => { if (follow.checked) then(toEnd); });
  wrap.addEventListener("change", () => {
    box.classList.toggle("log-wrapped", wrap.checked);
    localStorage.setItem("log-wrap", wrap.checked ? "1" : "");
  });
  place.addEventListener("change", () => {
    follow.checked = false;
    const byte = Math.round((size * place.value) / 1000);
    then(async () => {
      if (byte < start || byte >= end) await jump(byte + CHUNK / 2);
      const line = lineAt(byte);
      lines.scrollTop = line ? line.offsetTop : 0;
    });
  });
  lines.addEventListener("scroll", () => {
    fill();
    if (place) place.value = size ? Math.round((visibleByte() / size) * 1000) : 0;
  }, { passive: true });
  for (const event of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    lines.addEventListener(event, () => setTimeout(() => { if (!isAtEnd()) follow.checked = false; }, 100), { passive: true });
  }

  part("tools").hidden = false;
  place.hidden = size < MOST;
  wrap.checked = Boolean(localStorage.getItem("log-wrap"));
  box.classList.toggle("log-wrapped", wrap.checked);
  lines.replaceChildren(list, open);
  if (active) {
    then(toEnd);
    look();
  } else {
    follow.disabled = true;
    then(async () => { await jump(0); lines.scrollTop = 0; });
  }
})();
