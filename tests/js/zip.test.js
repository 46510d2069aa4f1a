import assert from "node:assert/strict";
import test from "node:test";
import { centralHeader, crc32, endRecord, localHeader } from "../../static/js/pure/zip.js";

const ENTRY = { name: "é.py", crc: 0xcbf43926, size: 9, packedSize: 9, isDeflated: false, isExecutable: true };

test("the checksum is the one that zip archives have", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.equal(crc32(new Uint8Array()), 0);
});

test("the records have the lengths of the format, and names in UTF-8", () => {
  assert.equal(localHeader(ENTRY).length, 30 + 5);
  assert.equal(centralHeader(ENTRY, 7).length, 46 + 5);
  assert.equal(endRecord(1, 51, 44).length, 22);
  const view = new DataView(centralHeader(ENTRY, 7).buffer);
  assert.equal(view.getUint32(16, true), ENTRY.crc);
  assert.equal(view.getUint32(38, true) >>> 16, 0o100755);
  assert.equal(view.getUint32(42, true), 7);
});
