// Bytes of a log as lines of text, and matches in them.

const NEWLINE = 10;
// eslint-disable-next-line no-control-regex -- terminal sequences start with ESC: colours, and titles that end with BEL or ESC \.
const ESCAPES = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;

export const cleanLine = (text) => {
  const plain = text.replace(ESCAPES, "").replace(/\r+$/, "");
  // A progress bar writes over itself; a terminal would show the last text.
  return plain.includes("\r") ? plain.slice(plain.lastIndexOf("\r") + 1) : plain;
};

// Whole lines as [start, end] of their bytes, and the byte where the unfinished rest starts. `skipFirst` leaves out what
// comes before the first line end. A chunk of `maxLength` bytes without any line end counts as one line.
export const splitLines = (bytes, { skipFirst = false, maxLength = Infinity } = {}) => {
  const begin = skipFirst ? bytes.indexOf(NEWLINE) + 1 : 0;
  const lines = [];
  let rest = begin;
  for (let end = bytes.indexOf(NEWLINE, rest); end >= 0; end = bytes.indexOf(NEWLINE, rest)) {
    lines.push([rest, end]);
    rest = end + 1;
  }
  if (!lines.length && bytes.length >= maxLength) {
    lines.push([rest, bytes.length]);
    rest = bytes.length;
  }
  return { begin, lines, rest };
};

// The text in parts, of which every second one is a match: "a-b-c" for "-" is ["a", "-", "b", "-", "c"].
export const splitMatches = (text, words) => {
  const parts = [], lower = text.toLowerCase();
  let from = 0;
  for (let found = words ? lower.indexOf(words) : -1; found >= 0; found = lower.indexOf(words, from)) {
    parts.push(text.slice(from, found), text.slice(found, found + words.length));
    from = found + words.length;
  }
  return [...parts, text.slice(from)];
};

export const hasLineEnd = (bytes) => bytes.includes(NEWLINE);
