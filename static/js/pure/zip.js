// The records of a zip archive, in which every name is UTF-8 and every size is known before.

const TABLE = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

export const crc32 = (bytes) => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

const STORED = 0;
const DEFLATED = 8;
const UTF8_NAMES = 0x800;
const VERSION = 20;
const UNIX = 3 << 8;
// 1980-01-01: the same files give the same archive.
const DATE = 0x21;

// Numbers as [value, bytes], the least byte first.
const record = (numbers, name = new Uint8Array()) => {
  const size = numbers.reduce((sum, [, length]) => sum + length, 0);
  const bytes = new Uint8Array(size + name.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, length] of numbers) {
    if (length === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += length;
  }
  bytes.set(name, at);
  return bytes;
};

const common = (entry, name) => [
  [UTF8_NAMES, 2], [entry.isDeflated ? DEFLATED : STORED, 2], [0, 2], [DATE, 2],
  [entry.crc, 4], [entry.packedSize, 4], [entry.size, 4], [name.length, 2], [0, 2],
];

// entry: {name, crc, size, packedSize, isDeflated, isExecutable}
export const localHeader = (entry) => {
  const name = new TextEncoder().encode(entry.name);
  return record([[0x04034b50, 4], [VERSION, 2], ...common(entry, name)], name);
};

export const centralHeader = (entry, offset) => {
  const name = new TextEncoder().encode(entry.name);
  const mode = (0o100000 | (entry.isExecutable ? 0o755 : 0o644)) * 0x10000;
  const head = [[0x02014b50, 4], [UNIX | VERSION, 2], [VERSION, 2], ...common(entry, name)];
  return record([...head, [0, 2], [0, 2], [0, 2], [mode, 4], [offset, 4]], name);
};

export const endRecord = (count, size, offset) =>
  record([[0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]]);
