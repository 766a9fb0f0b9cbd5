import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3

/**
 * A WebSocket server on loopback whose connections the test controls. refusal: {status, error} instead of upgrades, of
 * addresses that it `refuses`.
 */
export async function scriptedServer() {
  const server = new ScriptedServer();
  server.http.listen(0, "127.0.0.1");
  await once(server.http, "listening");
  server.url = `ws://127.0.0.1:${server.http.address().port}/v1/stream`;
  return server;
}

class ScriptedServer {
  refusal = null;
  refuses = () => true;
  #peers = [];
  #waiting = [];
  #sockets = [];

  constructor() {
    this.http = createServer((request, response) => this.#refuse(request, response));
    this.http.on("upgrade", (request, socket) => this.#upgrade(request, socket));
  }

  /** The next connection. */
  peer() {
    if (this.#peers.length) return this.#peers.shift();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async close() {
    this.#sockets.forEach((socket) => socket.destroy());
    this.http.closeAllConnections();
    this.http.close();
  }

  #refuse(_request, response) {
    const { status, error } = this.refusal ?? { status: 426, error: {} };
    response.writeHead(status, { Connection: "close" }).end(JSON.stringify({ error }));
  }

  #upgrade(request, socket) {
    if (this.refusal && this.refuses(queryOf(request))) return socket.end(`HTTP/1.1 ${this.refusal.status} Refused\r\nConnection: close\r\n\r\n`);
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    const answer = [`Sec-WebSocket-Accept: ${accept}`, "Sec-WebSocket-Protocol: voicegw.v1", "", ""];
    socket.write([...head, ...answer].join("\r\n"));
    this.#sockets.push(socket);
    const peer = new Peer(request, socket);
    if (this.#waiting.length) this.#waiting.shift()(peer);
    else this.#peers.push(peer);
  }
}

class Peer {
  received = []; // objects for text frames, numbers of bytes for audio
  #data = Buffer.alloc(0);
  #changed = () => {};

  constructor(request, socket) {
    this.query = queryOf(request);
    this.protocols = request.headers["sec-websocket-protocol"].split(", ");
    this.socket = socket;
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => {});
  }

  send(...messages) {
    messages.forEach((message) => this.#write(1, Buffer.from(JSON.stringify(message))));
  }

  sendAudio(samples) {
    this.#write(2, Buffer.from(samples.buffer));
  }

  close(code) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#write(8, payload);
    this.socket.end();
  }

  cut() {
    this.socket.destroy();
  }

  /** Waits until `condition` holds for what was received. */
  async until(condition) {
    while (!condition(this.received)) await new Promise((resolve) => (this.#changed = resolve));
  }

  #write(opcode, payload) {
    const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
    this.socket.write(Buffer.concat([Buffer.from([0x80 | opcode, ...length]), payload]));
  }

  /** Reads complete frames; those of a client are masked. */
  #read(data) {
    this.#data = Buffer.concat([this.#data, data]);
    while (this.#data.length >= 2) {
      const long = (this.#data[1] & 127) === 126;
      const begin = long ? 8 : 6;
      const length = long ? this.#data.readUInt16BE(2) : this.#data[1] & 127;
      if (this.#data.length < begin + length) return;
      const mask = this.#data.subarray(begin - 4, begin);
      const payload = this.#data.subarray(begin, begin + length).map((byte, index) => byte ^ mask[index % 4]);
      this.#take(this.#data[0] & 15, payload);
      this.#data = this.#data.subarray(begin + length);
    }
  }

  #take(opcode, payload) {
    if (opcode === 1) this.received.push(JSON.parse(Buffer.from(payload).toString()));
    if (opcode === 2) this.received.push(payload.length);
    if (opcode === 8) this.received.push({ type: "closed", code: Buffer.from(payload).readUInt16BE() });
    this.#changed();
  }
}

function queryOf(request) {
  return new URL(request.url, "ws://server").searchParams;
}
