// A place on the network that holds a bundle, and can hold another one or fail.

import { readFile } from "node:fs/promises";
import http from "node:http";

import { bundle } from "./cases.mjs";

/** A server of one file that counts what it is asked, and answers `If-None-Match`. */
export async function fileServer(tagged) {
  const asked = [];
  let held = { bytes: await readFile(bundle), tag: '"1"' };
  const server = http.createServer((request, response) => {
    const known = tagged ? request.headers["if-none-match"] : undefined;
    const status = held.status ?? (known !== undefined && known === held.tag ? 304 : 200);
    asked.push(status);
    if (tagged) response.setHeader("etag", held.tag);
    response.writeHead(status).end(status === 200 ? held.bytes : undefined);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const put = (bytes, status) => (held = { bytes, status, tag: `"${Number(held.tag.slice(1, -1)) + 1}"` });
  return { url: `http://127.0.0.1:${server.address().port}/flights.skw`, asked, put, hold: (again) => (held = again), close: () => server.close() };
}
