// Search by words, and lists one walks through.

export const splitWords = (text) => (text || "").toLowerCase().split(/\s+/).filter(Boolean);

export const hasAllWords = (text, words) => {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
};

// Step through a list and wrap around at its ends.
export const wrapIndex = (index, length) => ((index % length) + length) % length;

export const clamp = (value, min, max) => Math.min(max, Math.max(min, value));

export const shorten = (text, maxLength) => (text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text);

// "case 2" comes before "case 10".
export const compareNaturally = (one, other) => one.localeCompare(other, "en", { numeric: true });

// The length of the common prefix of long names; 0 if it is too short to be worth leaving out.
export const countSharedPrefix = (names) => {
  let length = 0;
  const first = names[0] || "";
  while (names.length > 1 && length < first.length && names.every((name) => name[length] === first[length])) length += 1;
  return length > 8 ? length : 0;
};
