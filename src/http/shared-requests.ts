import { FormvaultError } from '../errors.ts';

export type SharedRequests<T> = {
  /** Starts what is not under way for this key, else waits for what is. Rejects with SHUTTING_DOWN when `signal` aborts. */
  share(key: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
};

type Running<T> = { answer: Promise<T>; waiting: number; stop: AbortController };

/**
 * Single flight: callers that ask for the same at the same time share one request.
 *
 * One who leaves does not take the others along; the request is aborted when nobody waits for it any more.
 */
export function createSharedRequests<T>(): SharedRequests<T> {
  const running = new Map<string, Running<T>>();

  function begin(key: string, start: (signal: AbortSignal) => Promise<T>): Running<T> {
    const stop = new AbortController();
    const request: Running<T> = { answer: start(stop.signal), waiting: 0, stop };
    running.set(key, request);
    const forget = () => {
      if (running.get(key) === request) running.delete(key);
    };
    request.answer.then(forget, forget);
    return request;
  }

  return {
    async share(key, start, signal) {
      if (signal.aborted) throw shuttingDown();
      const request = running.get(key) ?? begin(key, start);
      request.waiting++;
      const left = Promise.withResolvers<never>();
      const leave = () => left.reject(shuttingDown());
      signal.addEventListener('abort', leave, { once: true });
      try {
        return await Promise.race([request.answer, left.promise]);
      } finally {
        signal.removeEventListener('abort', leave);
        request.waiting--;
        if (request.waiting === 0) {
          if (running.get(key) === request) running.delete(key);
          request.stop.abort();
        }
      }
    },
  };
}

function shuttingDown(): FormvaultError {
  return new FormvaultError('SHUTTING_DOWN', 'stopped waiting for an answer');
}
