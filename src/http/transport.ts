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
    /** The deadline is ours: axios' own time-out does not see a body that trickles. */
    async exchange(call, signal) {
      const stop = new AbortController();
      const abort = () => stop.abort();
      const expire = () => stop.abort(new Error(`no answer within ${call.timeoutMs} ms`));
      const deadline = setTimeout(expire, call.timeoutMs);
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
        });
      } catch (error) {
        throw stop.signal.aborted ? stop.signal.reason : error;
      } finally {
        clearTimeout(deadline);
        signal.removeEventListener('abort', abort);
      }
    },

    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}
