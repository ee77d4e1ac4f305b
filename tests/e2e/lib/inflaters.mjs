// Turns the WebSocket messages of one connection into payloads, one kind for each transport. Each is
// `feed(data, is_binary) → promise of text, or null when more messages are needed`, called in order.
import zlib from 'node:zlib';
import { Decompress } from 'fzstd';

const sync_flush_suffix = Buffer.from([0x00, 0x00, 0xff, 0xff]);

function expect_binary(is_binary) {
  if (!is_binary) throw new Error('a text frame on a compressed connection');
}

function plain() {
  return async (data, is_binary) => {
    if (is_binary) throw new Error('a binary frame on an uncompressed connection');
    return data.toString('utf8');
  };
}

/** IDENTIFY's `compress: true`: some payloads are zlib blobs of their own, the rest is text. */
function payload() {
  return async (data, is_binary) => (is_binary ? zlib.inflateSync(data) : data).toString('utf8');
}

function zlib_stream() {
  const stream = zlib.createInflate({ flush: zlib.constants.Z_SYNC_FLUSH });
  let waiting = [];
  let inflated = [];
  let broken = null;
  stream.on('data', (chunk) => inflated.push(chunk));
  let fail = () => {};
  stream.on('error', (error) => { // a write that it breaks off never calls back
    broken = error;
    fail(error);
  });
  return async (data, is_binary) => {
    expect_binary(is_binary);
    waiting.push(data);
    if (!data.subarray(-4).equals(sync_flush_suffix)) return null;
    const message = Buffer.concat(waiting);
    waiting = [];
    if (broken) throw broken;
    await new Promise((resolve, reject) => {
      fail = reject;
      stream.write(message, (error) => (error ? reject(error) : resolve()));
    });
    await new Promise((resolve) => setImmediate(resolve));
    if (broken) throw broken;
    const text = Buffer.concat(inflated).toString('utf8');
    inflated = [];
    return text;
  };
}

function zstd_stream() {
  let inflated = [];
  const stream = new Decompress((chunk) => inflated.push(Buffer.from(chunk)));
  return async (data, is_binary) => {
    expect_binary(is_binary);
    stream.push(data);
    const text = Buffer.concat(inflated).toString('utf8');
    inflated = [];
    return text;
  };
}

export const inflaters = { none: plain, payload, 'zlib-stream': zlib_stream, 'zstd-stream': zstd_stream };
