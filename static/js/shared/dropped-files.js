// The files of a drop, with those in dropped folders; each with its path below what was dropped.

const readEntry = async (entry) => {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives some entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const inside of some) found.push(...(await readEntry(inside)));
  }
};

// What was not dragged from a folder has no entry.
const readItem = (item) => {
  const entry = item.webkitGetAsEntry();
  if (entry) return readEntry(entry);
  const file = item.getAsFile();
  return file ? [{ path: file.name, file }] : [];
};

const readDropped = async (items) => {
  return (await Promise.all([...items].map(readItem))).flat();
};

export const bindDrop = (zone, take) => {
  zone.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    zone.classList.add("drop-here");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("drop-here"));
  zone.addEventListener("drop", async (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    zone.classList.remove("drop-here");
    take(await readDropped(event.dataTransfer.items));
  });
};
