import http from 'node:http';
import https from 'node:https';
import axios, { type AxiosResponse } from 'axios';
import { readUserAgent } from './user-agent.ts';

const MAX_REDIRECTS = 3;

export type Call = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  body: unknown;
  headers: Record<string, string>;
  maxBytes: number;
  /** For all of it, body included. */
  timeoutMs: number;
  /** From one part of the answer to the next. */
  idleMs?: number;
};

export type Transport = {
  /** One exchange, whatever its status. */
  exchange(call: Call, signal: AbortSignal): Promise<AxiosResponse<Uint8Array>>;
  close(): void;
};

export function createTransport({ maxSockets }: { maxSockets: number }): Transport {
  const agents = {
    httpAgent: new http.Agent({ keepAlive: true, maxSockets }),
    httpsAgent: new https.Agent({ keepAlive: true, maxSockets }),
  };
  const client = axios.create({
    ...agents,
    adapter: 'http',
    proxy: false,
    responseType: 'arraybuffer',
    transformResponse: [],
    maxBodyLength: Number.POSITIVE_INFINITY,
    validateStatus: () => true,
    headers: { 'User-Agent': readUserAgent() },
  });

  return {
    /** The deadlines are ours: axios' own time-out does not see a body that trickles. */
    async exchange(call, signal) {
      const stop = new AbortController();
      const abort = () => stop.abort();
      const expire = (ms: number) => stop.abort(new Error(`no answer within ${ms} ms`));
      const deadline = setTimeout(expire, call.timeoutMs, call.timeoutMs);
      const idle = watchIdleness(call.idleMs, expire);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      try {
        return await client.request<Uint8Array>({
          method: call.method,
          url: call.url,
          data: call.body,
          headers: call.headers,
          maxContentLength: call.maxBytes,
          maxRedirects: call.method === 'GET' ? MAX_REDIRECTS : 0,
          signal: stop.signal,
          ...(idle !== null && { onDownloadProgress: idle.noteProgress }),
        });
      } catch (error) {
        throw stop.signal.aborted ? stop.signal.reason : error;
      } finally {
        clearTimeout(deadline);
        idle?.end();
        signal.removeEventListener('abort', abort);
      }
    },

    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

/** Axios tells of progress three times a second at the most, and of the last of it after the end. */
function watchIdleness(idleMs: number | undefined, expire: (ms: number) => void) {
  if (idleMs === undefined) return null;
  const start = () => setTimeout(expire, idleMs, idleMs);
  let timer: NodeJS.Timeout | null = start();
  return {
    noteProgress(): void {
      if (timer === null) return;
      clearTimeout(timer);
      timer = start();
    },
    end(): void {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
