// Completes the query above a list of runs: names, comparisons, values, and what joins conditions.
(() => {
  const box = document.getElementById("run-query"), list = document.getElementById("query-offers");
  if (!box) return;
  const MOST = 12;
  const COMPARISONS = ["=", "!=", ">", ">=", "<", "<=", "~", "!~", "in (", "like", "is null", "is not null"];
  const TOKEN = /'(?:[^']|'')*'?|`[^`]*`?|[\w./:-]+(?:`[^`]*`?)?|[!<>=~]+|[(),]|\S/g;
  let words = null, asked = null, offers = [], at = -1;

  const load = () => {
    asked ??= fetch(box.dataset.names).then((answer) => (answer.ok ? answer.json() : null)).then((found) => { words = found; offer(); }).catch(() => { asked = null; });
  };

  const plain = (name) => (/^[A-Za-z_][\w/:-]*$/.test(name) ? name : "`" + name + "`");
  const keys = () => [
    ...words.metrics.map((name) => `metrics.${plain(name)}`), ...words.params.map((name) => `params.${plain(name)}`),
    ...words.tags.map((name) => `tags.${plain(name)}`), ...words.attributes,
  ];
  const quoted = (value) => `'${value.replaceAll("'", "''")}'`;

  // The piece before the caret that would be replaced, and the tokens before it.
  const place = () => {
    const text = box.value.slice(0, box.selectionStart);
    const tokens = [...text.matchAll(TOKEN)];
    const last = tokens.at(-1);
    const touches = last && last.index + last[0].length === text.length && !/^[(),]$/.test(last[0]);
    return { start: touches ? last.index : text.length, typed: touches ? last[0] : "", before: (touches ? tokens.slice(0, -1) : tokens).map((token) => token[0]) };
  };

  const isComparison = (word = "") => /^([!<>=~]+|like|ilike)$/i.test(word);
  const isKey = (word = "") => /^[A-Za-z_]/.test(word) && !/^(and|or|not|in|is|null|like|ilike)$/i.test(word);

  const valuesOf = (key = "") => (words.values[key] || words.values[key.toLowerCase()] || []).map(quoted);

  // The key whose list of values is open at the end: of `params.model in ('a',` it is params.model.
  const openList = (before) => {
    const at = before.lastIndexOf("(");
    if (at < 2 || before.includes(")", at) || !/^in$/i.test(before[at - 1])) return null;
    return before[at - (/^not$/i.test(before[at - 2]) ? 3 : 2)];
  };

  const fitting = (before) => {
    const [last, second] = [before.at(-1), before.at(-2)], list = openList(before);
    if (list) return /^[(,]$/.test(last) ? valuesOf(list) : [",", ")"];
    if (isComparison(last)) return valuesOf(/^not$/i.test(second) ? before.at(-3) : second);
    if (/^is$/i.test(last)) return ["null", "not null"];
    if (/^not$/i.test(last) && /^is$/i.test(second)) return ["null"];
    if (/^not$/i.test(last) && isKey(second)) return ["in (", "like", "ilike"];
    if (!last || /^(and|or|not|\()$/i.test(last)) return [...keys(), ...(/^not$/i.test(last) ? [] : ["not"])];
    return isKey(last) ? COMPARISONS : ["and", "or"];
  };

  // Quotes of a name are left out of account, for one begins it without.
  const plainly = (word) => word.toLowerCase().replaceAll("`", "");

  const offer = () => {
    if (!words || document.activeElement !== box) return close();
    const { typed, before } = place(), low = plainly(typed);
    const fit = fitting(before).filter((word) => plainly(word).includes(low) && word !== typed);
    const begins = (word) => plainly(word).startsWith(low);
    offers = [...fit.filter(begins), ...fit.filter((word) => !begins(word))].slice(0, MOST);
    at = -1;
    draw();
  };

  const draw = () => {
    list.replaceChildren(...offers.map((word, place) => {
      const item = Object.assign(document.createElement("li"), { id: `query-offer-${place}`, textContent: word });
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", place === at);
      return item;
    }));
    list.hidden = !offers.length;
    box.setAttribute("aria-expanded", !list.hidden);
    if (at >= 0) box.setAttribute("aria-activedescendant", `query-offer-${at}`);
    else box.removeAttribute("aria-activedescendant");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };

  const close = () => { offers = []; at = -1; draw(); };

  const take = (word) => {
    const { start } = place(), end = box.selectionStart;
    const text = `${word}${/\($/.test(word) ? "" : " "}`;
    box.setRangeText(text, start, end, "end");
    offer();
  };

  box.addEventListener("focus", load);
  box.addEventListener("input", () => { load(); offer(); });
  box.addEventListener("click", offer);
  box.addEventListener("blur", () => setTimeout(close, 150));
  // Before the keys that move through the rows of the list.
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.hidden && event.key === "ArrowDown") { event.preventDefault(); event.stopPropagation(); load(); return offer(); }
    if (list.hidden) return;
    if (step) {
      at = (at + step + offers.length + (at < 0 && step < 0 ? 1 : 0)) % offers.length;
      draw();
    } else if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) take(offers[at]);
    else { if (event.key === "Enter") close(); return; }
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("li");
    event.preventDefault();
    if (item) take(item.textContent);
  });
})();
