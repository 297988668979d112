import http from 'node:http';
import https from 'node:https';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import type { FailureCode, FailureContext } from '../errors.ts';
import { type ResponseType, readAnswer } from './answer.ts';
import { type Auth, basicAuthorization } from './auth.ts';
import { createFailures, type Failures } from './http-failures.ts';
import { createTokenSource, type TokenSource } from './oauth-token.ts';
import { readUserAgent } from './user-agent.ts';

const DEFAULT_MAX_BYTES = 128 * 1024 * 1024;
const MAX_REDIRECTS = 3;

export type HttpClientOptions = {
  /** Without a slash at its end. */
  baseUrl: string;
  auth: Auth;
  /** For one request, body included. */
  timeoutMs: number;
  /** What failures are called; `ENGINE_…` and `FORM_API_…` are also how the settings begin that hints name. */
  codes: { unavailable: FailureCode; rejected: FailureCode };
  maxSockets: number;
};

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Begins with a slash; its segments are encoded already. */
  path: string;
  /** What is null or undefined is left out. */
  query?: Record<string, string | number | boolean | null | undefined>;
  /** Sent as JSON; a `FormData` as multipart. */
  body?: unknown;
  signal: AbortSignal;
  /** The message of every failure, such as `could not read the finished tasks`. */
  attempted: string;
  context?: FailureContext;
  /** Further statuses that are an answer, such as 404. */
  accept?: readonly number[];
  maxBytes?: number;
  /** Waits this long instead of the client's `timeoutMs`. */
  timeoutMs?: number;
  /** JSON only; replaces `JSON.parse`. */
  parse?: (text: string) => unknown;
};

export type HttpAnswer<T> = {
  status: number;
  data: T;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** The service's clock: its `Date` header, to the second. */
  dateMs: number | null;
  /** Size of the body after decompression. */
  bytes: number;
};

export interface HttpClient {
  /**
   * JSON unless `responseType` says otherwise; `data` is null where an answer other than 200 has no body.
   * Throws the client's two codes and SHUTTING_DOWN; `isTooLarge` tells whether a body went beyond `maxBytes`.
   */
  request(request: HttpRequest & { responseType?: 'json' }): Promise<HttpAnswer<unknown>>;
  request(request: HttpRequest & { responseType: 'text' }): Promise<HttpAnswer<string>>;
  request(request: HttpRequest & { responseType: 'bytes' }): Promise<HttpAnswer<Uint8Array>>;
  close(): void;
}

type Call = {
  method: HttpRequest['method'];
  url: string;
  body: unknown;
  headers: Record<string, string>;
  maxBytes: number;
  timeoutMs: number;
};

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const agents = {
    httpAgent: new http.Agent({ keepAlive: true, maxSockets: options.maxSockets }),
    httpsAgent: new https.Agent({ keepAlive: true, maxSockets: options.maxSockets }),
  };
  const transport = axios.create({
    ...agents,
    adapter: 'http',
    proxy: false,
    responseType: 'arraybuffer',
    transformResponse: [],
    maxBodyLength: Number.POSITIVE_INFINITY,
    validateStatus: () => true,
    headers: { 'User-Agent': readUserAgent() },
  });
  const failures = createFailures(options.codes);
  const tokens = options.auth.kind === 'oauth' ? tokenSource(transport, failures, options, options.auth) : null;

  async function send(request: HttpRequest, responseType: ResponseType): Promise<AxiosResponse<Uint8Array>> {
    const call: Call = {
      method: request.method,
      url: urlOf(options.baseUrl, request),
      body: request.body,
      headers: { Accept: responseType === 'json' ? 'application/json' : '*/*' },
      maxBytes: request.maxBytes ?? DEFAULT_MAX_BYTES,
      timeoutMs: request.timeoutMs ?? options.timeoutMs,
    };
    if (options.auth.kind === 'basic') {
      call.headers.Authorization = basicAuthorization(options.auth.username, options.auth.password);
    }
    if (tokens === null) return callOnce(transport, call, request.signal);
    const token = await tokens.read(request.signal);
    const first = await callOnce(transport, withBearer(call, token), request.signal);
    if (first.status !== 401) return first;
    tokens.drop(token);
    return callOnce(transport, withBearer(call, await tokens.read(request.signal)), request.signal);
  }

  async function request(request: HttpRequest & { responseType?: ResponseType }): Promise<HttpAnswer<unknown>> {
    const { responseType = 'json' } = request;
    const response = await send(request, responseType).catch((error: unknown) => {
      throw failures.ofTransport(error, request);
    });
    failures.check(response, request);
    const headers = plainHeaders(response.headers);
    const dateMs = Date.parse(headers.date ?? '');
    return {
      status: response.status,
      data: readAnswer(response, responseType, request.parse ?? JSON.parse, () =>
        failures.notTheService(response.status, request),
      ),
      headers,
      dateMs: Number.isNaN(dateMs) ? null : dateMs,
      bytes: response.data.byteLength,
    };
  }

  return {
    request: request as HttpClient['request'],
    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

function urlOf(baseUrl: string, { path, query = {} }: HttpRequest): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) search.set(name, String(value));
  }
  return `${baseUrl}${path}${search.size === 0 ? '' : `?${search}`}`;
}

function withBearer(call: Call, token: string): Call {
  return { ...call, headers: { ...call.headers, Authorization: `Bearer ${token}` } };
}

/** One exchange with a deadline for all of it; axios' own time-out does not see a body that trickles. */
async function callOnce(transport: AxiosInstance, call: Call, signal: AbortSignal): Promise<AxiosResponse<Uint8Array>> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const deadline = setTimeout(abort, call.timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await transport.request<Uint8Array>({
      method: call.method,
      url: call.url,
      data: call.body,
      headers: call.headers,
      maxContentLength: call.maxBytes,
      maxRedirects: call.method === 'GET' ? MAX_REDIRECTS : 0,
      signal: stop.signal,
    });
  } catch (error) {
    if (stop.signal.aborted && !signal.aborted) throw new Error(`no answer within ${call.timeoutMs} ms`);
    throw error;
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
  }
}

function tokenSource(
  transport: AxiosInstance,
  failures: Failures,
  { timeoutMs }: HttpClientOptions,
  auth: Extract<Auth, { kind: 'oauth' }>,
): TokenSource {
  async function postForm(url: string, form: string, authorization: string, signal: AbortSignal): Promise<unknown> {
    const request = { attempted: 'could not sign in', signal, context: {} };
    const headers = {
      Accept: 'application/json',
      Authorization: authorization,
      'Content-Type': 'application/x-www-form-urlencoded',
    };
    const call: Call = { method: 'POST', url, body: form, headers, maxBytes: DEFAULT_MAX_BYTES, timeoutMs };
    const response = await callOnce(transport, call, signal).catch((error: unknown) => {
      throw failures.ofTransport(error, request);
    });
    if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) {
      throw failures.signInRefused(response.status);
    }
    failures.check(response, request);
    return readAnswer(response, 'json', JSON.parse, () => failures.notTheService(response.status, request));
  }
  return createTokenSource(auth, postForm, (cause) => failures.signInRefused(null, cause));
}

function plainHeaders(headers: AxiosResponse['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

export function isTooLarge(error: unknown): boolean {
  return (error as { context?: FailureContext } | null | undefined)?.context?.tooLarge === true;
}
