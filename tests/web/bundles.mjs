// Bundles that nobody trained: the parts of one, changed, in the canonical archive of docs/bundle.md.

import { createHash } from "node:crypto";

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(data) {
  let crc = 0xffff_ffff;
  for (const byte of data) crc = (crc >>> 8) ^ CRC[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/** The parts of a bundle in their order, `manifest.json` first: `[name, bytes]`. */
function read(bundle) {
  const bytes = Buffer.from(bundle);
  const parts = [];
  for (let at = 0; bytes.readUInt32LE(at) === 0x0403_4b50; ) {
    const [size, name] = [bytes.readUInt32LE(at + 18), bytes.readUInt16LE(at + 26)];
    const start = at + 30 + name;
    parts.push([bytes.toString("utf8", at + 30, start), bytes.subarray(start, start + size)]);
    at = start + size;
  }
  return parts;
}

/** A part's bytes. */
export function partOf(bundle, name) {
  return read(bundle).find(([known]) => known === name)[1];
}

/**
 * The bundle with another manifest, and with other parts under their names, or none. What the manifest says of the parts is
 * made to hold; their order stays.
 */
export function changed(bundle, { manifest = (written) => written, parts: change = {} }) {
  const [[, head], ...rest] = read(bundle);
  const written = JSON.parse(head.toString("utf8"));
  const types = new Map(written.parts.map(({ name, media_type }) => [name, media_type]));
  const parts = rest.flatMap(([name, data]) => [name in change ? change[name](data) : [name, data]].filter(Boolean));
  const named = parts.map(([name, data]) => {
    const type = name === "model.onnx" ? "application/onnx" : types.get(name);
    return { name, media_type: type, size: data.length, sha256: createHash("sha256").update(data).digest("hex") };
  });
  const text = JSON.stringify({ ...manifest(written), parts: named });
  return write([["manifest.json", Buffer.from(`${text}\n`)], ...parts]);
}

function write(parts) {
  const local = [];
  const central = [];
  let offset = 0;
  for (const [name, data] of parts) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(10, 0);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const entry = Buffer.concat([number(0x0403_4b50), common, Buffer.from(name), data]);
    central.push(number(0x0201_4b50), short(10), common, Buffer.alloc(10), number(offset), Buffer.from(name));
    local.push(entry);
    offset += entry.length;
  }
  const directory = Buffer.concat(central);
  const end = [number(0x0605_4b50), short(0), short(0), short(parts.length), short(parts.length), number(directory.length), number(offset), short(0)];
  return new Uint8Array(Buffer.concat([...local, directory, ...end]));
}

function number(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function short(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** The bundle as one whose model is a graph for the general engine; no engine can run it. */
export function asGraph(bundle) {
  const manifest = (written) => ({ ...written, engine: "tract" });
  return changed(bundle, { manifest, parts: { "model.plan": (data) => ["model.onnx", data], "explain.plan": () => undefined } });
}

/** The bundle as one whose model is a network; no engine can read it. */
export function asNetwork(bundle) {
  const KIND = 6;
  const parts = { "model.plan": (data) => ["model.plan", Buffer.concat([data.subarray(0, KIND), Buffer.of(3), data.subarray(KIND + 1)])] };
  return changed(bundle, { parts });
}
