import net from 'node:net';
import { pause } from '../src/time/pause.ts';

export type FaultProxy = {
  /** The address behind it, with the proxy's own host and port. */
  url: string;
  /** Breaks every connection off, as a service that is away. */
  refuse(): void;
  /** Every piece of an answer comes this much later. */
  delay(ms: number): void;
  /** As at the start. */
  pass(): void;
  close(): void;
};

/** Stands between Formvault and a service and passes on bytes, of whatever they are; can be as bad as a network. */
export async function startFaultProxy(serviceUrl: string): Promise<FaultProxy> {
  const service = new URL(serviceUrl);
  const sockets = new Set<net.Socket>();
  let isRefusing = false;
  let delayMs = 0;
  let undelayed = new AbortController();

  const server = net.createServer({ noDelay: true }, (asking) => {
    if (isRefusing) {
      asking.resetAndDestroy();
      return;
    }
    const answering = net.connect({ host: service.hostname, port: Number(service.port), noDelay: true });
    for (const socket of [asking, answering]) track(socket);
    asking.once('close', () => answering.destroy());
    asking.pipe(answering);
    giveBack(answering, asking).catch(() => asking.destroy());
  });

  async function giveBack(answering: net.Socket, asking: net.Socket): Promise<void> {
    for await (const piece of answering) {
      if (delayMs > 0) await pause(delayMs, undelayed.signal);
      if (!asking.write(piece)) await new Promise((resolve) => asking.once('drain', resolve).once('close', resolve));
    }
    asking.end();
  }

  function track(socket: net.Socket): void {
    sockets.add(socket);
    socket.on('error', () => undefined); // its close follows
    socket.once('close', () => sockets.delete(socket));
  }

  function pass(): void {
    isRefusing = false;
    delayMs = 0;
    undelayed.abort();
    undelayed = new AbortController();
  }

  function breakOff(): void {
    for (const socket of sockets) socket.destroy();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: serviceUrl.replace(service.host, `127.0.0.1:${port}`),
    refuse() {
      isRefusing = true;
      breakOff();
    },
    delay(ms) {
      delayMs = ms;
    },
    pass,
    close() {
      server.close();
      breakOff();
    },
  };
}
