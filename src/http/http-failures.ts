import type { AxiosResponse } from 'axios';
import { type FailureCode, type FailureContext, FormvaultError, failureCodeOf } from '../errors.ts';
import { slimCause } from './slim-cause.ts';

/** A proxy may ask for an hour where the service was away for a minute. */
const MAX_RETRY_AFTER_MS = 60_000;
const EXCEPTION_NAME = /^[A-Za-z_][\w.$]{0,99}(?:Exception|Error)$/;

type Attempt = { attempted: string; context?: FailureContext; signal: AbortSignal; accept?: readonly number[] };

export type Failures = {
  /** No answer at all, or one that broke off. */
  ofTransport(error: unknown, attempt: Attempt): FormvaultError;
  /** Throws unless the status is an answer. */
  check(response: AxiosResponse<Uint8Array>, attempt: Attempt): void;
  notTheService(status: number, attempt: Attempt): FormvaultError;
  signInRefused(status: number | null, cause?: Error): FormvaultError;
};

/**
 * What goes wrong with a request, in the words of the table.
 *
 * Of an answer's body nothing but the name of an exception gets into an error: the rest may quote a form.
 */
export function createFailures(codes: { unavailable: FailureCode; rejected: FailureCode }): Failures {
  const prefix = codes.rejected.replace(/_REJECTED$/, '');

  function notTheService(status: number, { attempted, context }: Attempt): FormvaultError {
    const cause = new Error(`answered with status ${status} and something that is not JSON`);
    return new FormvaultError(codes.unavailable, attempted, { cause, context: { ...context, status } });
  }

  return {
    notTheService,

    ofTransport(error, { attempted, context, signal }) {
      if (signal.aborted) return new FormvaultError('SHUTTING_DOWN', attempted, { context: { ...context } });
      if (failureCodeOf(error) !== 'UNEXPECTED') return error as FormvaultError;
      const cause = slimCause(error);
      if (/maxContentLength/.test(cause.message)) {
        return new FormvaultError(codes.rejected, attempted, { cause, context: { ...context, tooLarge: true } });
      }
      return new FormvaultError(codes.unavailable, attempted, { cause, context: { ...context } });
    },

    check(response, attempt) {
      const { status } = response;
      const isPassing = isForeignPage(response) || status >= 500 || status === 429 || status === 408;
      if (status >= 200 && status < 300) return;
      if (attempt.accept?.includes(status) && !isForeignPage(response)) return;
      const cause = new Error(`answered with status ${status}`);
      const context: FailureContext = { ...attempt.context, status, ...exceptionOf(response.data) };
      if (isPassing) {
        throw new FormvaultError(codes.unavailable, attempt.attempted, { cause, context, ...retryAfter(response) });
      }
      const hint = hintFor(status, prefix);
      throw new FormvaultError(codes.rejected, attempt.attempted, { cause, context, ...(hint && { hint }) });
    },

    signInRefused(status, cause = new Error(`the token address answered with status ${status}`)) {
      return new FormvaultError(codes.rejected, 'could not sign in', {
        cause,
        context: status === null ? {} : { status },
        hint: `Check ${prefix}_TOKEN_URL, ${prefix}_CLIENT_ID, ${prefix}_CLIENT_SECRET and ${prefix}_SCOPE.`,
      });
    },
  };
}

/** A servlet container or a proxy answers 404 with a page of its own while the service behind it starts. */
function isForeignPage({ status, headers }: AxiosResponse): boolean {
  return status === 404 && /html/i.test(String(headers['content-type'] ?? ''));
}

function hintFor(status: number, prefix: string): string | null {
  if (status === 401) {
    return `Check ${prefix}_USERNAME and ${prefix}_PASSWORD, or ${prefix}_CLIENT_ID and ${prefix}_CLIENT_SECRET.`;
  }
  if (status === 403)
    return `Give the user of ${prefix}_USERNAME or ${prefix}_CLIENT_ID the permission that is missing.`;
  if (status >= 300 && status < 400) return `Check ${prefix}_URL: it leads to another address.`;
  return null;
}

function exceptionOf(body: Uint8Array): { type?: string } {
  if (body.byteLength > 1_000_000) return {};
  try {
    const { type } = JSON.parse(new TextDecoder().decode(body)) as { type?: unknown };
    return typeof type === 'string' && EXCEPTION_NAME.test(type) ? { type } : {};
  } catch {
    return {};
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter({ headers }: AxiosResponse): { retryAfterMs?: number } {
  const text = String(headers['retry-after'] ?? '').trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms >= 0 ? { retryAfterMs: Math.min(ms, MAX_RETRY_AFTER_MS) } : {};
}
