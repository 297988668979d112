import type { S3ClientConfig } from '@aws-sdk/client-s3';

type RetryStrategy = Extract<
  NonNullable<S3ClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: (...scope: never[]) => unknown }
>;

/** Written by the client into the header `amz-sdk-request`. */
export const MAX_ATTEMPTS = 2;

/**
 * One more attempt, at once, and only where the first says nothing about the server: a kept connection that it had closed just
 * then, or a signature by a wrong clock, which the client has set right since.
 */
export function createBrokenConnectionRetry(): RetryStrategy {
  const attempt = (count: number) => ({ getRetryCount: () => count, getRetryDelay: () => 0 });
  return {
    acquireInitialRetryToken: async () => attempt(0),
    async refreshRetryTokenForRetry(token, { error }) {
      const count = token.getRetryCount() + 1;
      if (count >= MAX_ATTEMPTS || !(isBrokenConnection(error) || isClockSetRight(error))) throw error;
      return attempt(count);
    },
    recordSuccess: () => undefined,
  };
}

function isBrokenConnection(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function isClockSetRight(error: unknown): boolean {
  const { $metadata } = (error ?? {}) as { $metadata?: { clockSkewCorrected?: unknown } };
  return $metadata?.clockSkewCorrected === true;
}
