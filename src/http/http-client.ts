import type { AxiosResponse } from 'axios';
import type { FailureCode, FailureContext } from '../errors.ts';
import { type ResponseType, readAnswer } from './answer.ts';
import type { Auth } from './auth.ts';
import { createFailures } from './http-failures.ts';
import { createRecoveryGate, type RecoveryGate } from './recovery-gate.ts';
import { createSignIn } from './sign-in.ts';
import { type Call, createTransport } from './transport.ts';

const DEFAULT_MAX_BYTES = 128 * 1024 * 1024;

export type HttpClientOptions = {
  /** Without a slash at its end. */
  baseUrl: string;
  auth: Auth;
  /** For one request, body included. */
  timeoutMs: number;
  /** What failures are called; `ENGINE_…` and `FORM_API_…` are also how the settings begin that hints name. */
  codes: { unavailable: FailureCode; rejected: FailureCode };
  maxSockets: number;
  /** While the service is away, requests wait until one of them is answered, however long that takes. */
  gate?: boolean;
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
  /** For a large body: the time-out counts from one part of it to the next, and this is for all of it. */
  longestMs?: number;
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
  /** For another client of the same service: the value of its header `Authorization`, `null` where nobody signs in. */
  authorization(signal: AbortSignal): Promise<string | null>;
  /** Forgets a token that the service answered with a 401. */
  refuse(value: string): void;
  gate?: Pick<RecoveryGate, 'isOpen' | 'failures'>;
  close(): void;
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const transport = createTransport(options);
  const failures = createFailures(options.codes);
  const signIn = createSignIn(options.auth, transport, failures, options.timeoutMs);
  const gate = options.gate ? createRecoveryGate() : null;

  async function send(request: HttpRequest, responseType: ResponseType): Promise<AxiosResponse<Uint8Array>> {
    const timeoutMs = request.timeoutMs ?? options.timeoutMs;
    const { longestMs } = request;
    const call: Call = {
      method: request.method,
      url: urlOf(options.baseUrl, request),
      body: request.body,
      headers: { Accept: responseType === 'json' ? 'application/json' : '*/*' },
      maxBytes: request.maxBytes ?? DEFAULT_MAX_BYTES,
      ...(longestMs === undefined ? { timeoutMs } : { timeoutMs: longestMs, idleMs: timeoutMs }),
    };
    const authorization = await signIn.authorization(request.signal);
    if (authorization === null) return transport.exchange(call, request.signal);
    const first = await transport.exchange(signed(call, authorization), request.signal);
    if (first.status !== 401 || !signIn.canRenew) return first;
    signIn.refuse(authorization);
    const another = await signIn.authorization(request.signal);
    return transport.exchange(another === null ? call : signed(call, another), request.signal);
  }

  async function exchange(request: HttpRequest, responseType: ResponseType): Promise<HttpAnswer<unknown>> {
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

  async function request(request: HttpRequest & { responseType?: ResponseType }): Promise<HttpAnswer<unknown>> {
    const { responseType = 'json', signal } = request;
    return gate === null ? exchange(request, responseType) : gate.pass(() => exchange(request, responseType), signal);
  }

  return {
    request: request as HttpClient['request'],
    authorization: signIn.authorization,
    refuse: signIn.refuse,
    ...(gate && { gate }),
    close: transport.close,
  };
}

function urlOf(baseUrl: string, { path, query = {} }: HttpRequest): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) search.set(name, String(value));
  }
  return `${baseUrl}${path}${search.size === 0 ? '' : `?${search}`}`;
}

function signed(call: Call, authorization: string): Call {
  return { ...call, headers: { ...call.headers, Authorization: authorization } };
}

function plainHeaders(headers: AxiosResponse['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

export function isTooLarge(error: unknown): boolean {
  return (error as { context?: FailureContext } | null | undefined)?.context?.tooLarge === true;
}
