// A TCP connection that speaks HTTP and WebSocket as badly as a test wants.
import crypto from 'node:crypto';
import net from 'node:net';
import { until } from './until.mjs';

export class RawSocket {
  static async connect(t, port) {
    const raw = new RawSocket(net.connect({ port, host: '127.0.0.1' }));
    t.after(() => raw.socket.destroy());
    await until('the connection opens', () => raw.opened);
    return raw;
  }

  /** A connection past a correct WebSocket upgrade, with nothing consumed after the 101. */
  static async websocket(t, port, path = '/?v=10&encoding=json') {
    const raw = await RawSocket.connect(t, port);
    raw.upgrade({ path });
    await until(() => `101 instead of ${raw.text().slice(0, 60)}`, () => raw.text().startsWith('HTTP/1.1 101') && raw.text().includes('\r\n\r\n'));
    return raw;
  }

  constructor(socket) {
    this.socket = socket;
    this.opened = false;
    this.closed = false;
    this.chunks = [];
    socket.on('connect', () => { this.opened = true; });
    socket.on('data', (chunk) => this.chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => { this.closed = true; });
    socket.on('end', () => { this.closed = true; });
  }

  write(data) {
    if (!this.closed) this.socket.write(data);
  }

  text() {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  status() {
    const match = /^HTTP\/1\.[01] (\d{3})/.exec(this.text());
    return match ? Number(match[1]) : null;
  }

  /** Sends an upgrade request; `headers` changes or (with null) removes some. */
  upgrade({ path = '/?v=10&encoding=json', headers = {}, method = 'GET' } = {}) {
    const all = {
      Host: '127.0.0.1', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': crypto.randomBytes(16).toString('base64'), ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}`);
    this.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  }

  /** Sends one frame. `length` lies about the payload's size; `mask: false` breaks RFC 6455. */
  frame(payload, { opcode = 1, fin = true, rsv = 0, mask = true, length } = {}) {
    const bytes = Buffer.from(payload);
    const size = length ?? bytes.length;
    const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
    const masked = mask ? 0x80 : 0;
    if (size < 126) head.push(masked | size);
    else if (size < 65_536) head.push(masked | 126, size >> 8, size & 255);
    else {
      head.push(masked | 127);
      const wide = Buffer.alloc(8);
      wide.writeBigUInt64BE(BigInt(size));
      head.push(...wide);
    }
    if (!mask) return this.write(Buffer.concat([Buffer.from(head), bytes]));
    const key = crypto.randomBytes(4);
    return this.write(Buffer.concat([Buffer.from(head), key, bytes.map((byte, i) => byte ^ key[i % 4])]));
  }

  json(op, d) {
    this.frame(JSON.stringify({ op, d }));
  }

  /** The frames received after the upgrade, as {opcode, payload}. */
  frames() {
    const all = Buffer.concat(this.chunks);
    let at = all.indexOf('\r\n\r\n') + 4;
    const found = [];
    while (at + 2 <= all.length) {
      const opcode = all[at] & 15;
      let size = all[at + 1] & 127;
      let body = at + 2;
      if (size === 126) { if (body + 2 > all.length) break; size = all.readUInt16BE(body); body += 2; } else if (size === 127) { if (body + 8 > all.length) break; size = Number(all.readBigUInt64BE(body)); body += 8; }
      if (body + size > all.length) break;
      found.push({ opcode, payload: all.subarray(body, body + size) });
      at = body + size;
    }
    return found;
  }

  /** The code of the close frame once it came; 1006 when the connection ended without one. */
  async close_code(options) {
    return until(() => `the connection is closed; received ${this.text().slice(-80)}`, () => {
      const close = this.frames().find(({ opcode }) => opcode === 8);
      if (close) return close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005;
      return this.closed ? 1006 : null;
    }, options);
  }

  async end(options) {
    return until(() => `the connection ends; received ${this.text().slice(-80)}`, () => this.closed, options);
  }
}
