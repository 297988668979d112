import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../src/http/http-client.ts';

/** Where stubbed requests to an engine go. */
export const STUBBED_ENGINE = 'http://engine.test/engine-rest';

/** The client that everything which talks to the engine stands on; of a stubbed engine unless it is told where there is one. */
export function engineHttp(given: Partial<Omit<HttpClientOptions, 'codes'>> = {}): HttpClient {
  return createHttpClient({
    baseUrl: STUBBED_ENGINE,
    auth: { kind: 'none' },
    timeoutMs: given.baseUrl === undefined ? 2_000 : 30_000,
    maxSockets: 4,
    ...given,
    codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
  });
}
