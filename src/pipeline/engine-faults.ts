/**
 * An engine that answers one request with an exception, however often it is asked, and all others as it should.
 *
 * To wait for such an engine would be to wait for ever. But one whose database is away answers with exceptions too, and is waited
 * for; so after each of them something else is asked, and only those count after which that was answered.
 */
import { type FailureContext, FormvaultError, failureCodeOf } from '../errors.ts';

export type EngineFaults = {
  /** For attempts at one and the same thing. */
  watch(): JudgeFault;
};

/** Never throws: the failure as it came, or ENGINE_REJECTED once it is clear that no waiting mends it. */
export type JudgeFault = (error: unknown, signal: AbortSignal) => Promise<unknown>;

/** In a row: with the pauses between attempts some eight seconds, as for other faults that may pass. */
const FAULTS_TO_REFUSE = 6;
const ENGINE_FAULT = 500;
/** Two changes met each other: that passes. */
const PASSES = 'OptimisticLockingException';
const HINT =
  'The engine answers this request with an exception, and others as it should: look for the exception in its log; then retry.';

export function createEngineFaults(askSomethingElse: (signal: AbortSignal) => Promise<unknown>): EngineFaults {
  return {
    watch() {
      let faults = 0;
      return async (error, signal) => {
        const isFault = isException(error) && (await answers(askSomethingElse, signal));
        faults = isFault ? faults + 1 : 0;
        return isFault && faults >= FAULTS_TO_REFUSE ? refusal(error) : error;
      };
    },
  };
}

async function answers(ask: (signal: AbortSignal) => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  try {
    await ask(signal);
    return true;
  } catch {
    return false;
  }
}

type EngineException = { message: string; context: FailureContext };

/** The engine's own answer: a proxy in front of it names no exception. */
function isException(error: unknown): error is EngineException {
  const { status, type } = (error as Partial<EngineException> | null)?.context ?? {};
  const isOfEngine = failureCodeOf(error) === 'ENGINE_UNAVAILABLE' && status === ENGINE_FAULT;
  return isOfEngine && typeof type === 'string' && type !== PASSES;
}

function refusal(error: EngineException): FormvaultError {
  const { message, context } = error;
  return new FormvaultError('ENGINE_REJECTED', message, { cause: error, context, hint: HINT });
}
