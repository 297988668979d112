/** Failures of the database of the index, as ours. What a query was about, and what the database says of it, is left out. */
import { type FailureCode, FormvaultError, failureCodeOf } from '../errors.ts';
import { slimCause } from '../http/slim-cause.ts';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** About the server, the connection or its user: these quote nothing of a query. */
const TELLABLE_CLASSES = ['08', '28', '3D', '3F', '40', '53', '55', '57', 'XX'];
const DAMAGE = ['XX001', 'XX002', '58P01'];
/** Wrong user, password, database; a right that is missing. */
const SETTINGS = ['28000', '28P01', '3D000', '42501'];
const CONFLICTS = ['40001', '40P01'];
/** A value that the database cannot take, or that is beyond its limits. */
const ABOUT_VALUES = ['22', '54'];

/** Runs something that asks the database. @throws FormvaultError INDEX_UNAVAILABLE; `damaged` in its context, where it is. */
export async function attempt<T>(attempted: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw indexFailure(attempted, cause);
  }
}

export function indexFailure(attempted: string, cause: unknown, code: FailureCode = 'INDEX_UNAVAILABLE'): unknown {
  if (failureCodeOf(cause) !== 'UNEXPECTED') return cause;
  const sqlState = sqlStateOf(cause);
  return new FormvaultError(code, attempted, {
    cause: tellableCause(cause, sqlState),
    context: { ...(sqlState !== null && { sqlState }), ...(isDamage(cause) && { damaged: true }) },
  });
}

/** Whether the database has lost something of what it kept: to be built again. */
export function isDamage(error: unknown): boolean {
  if ((error as { context?: { damaged?: unknown } } | null)?.context?.damaged === true) return true;
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return DAMAGE.includes(String(code)) || name === 'RuntimeError'; // the latter ends the embedded database
}

export function isAboutSettings(error: unknown): boolean {
  return SETTINGS.includes(sqlStateOf(error) ?? '');
}

/** Two writers met; the one that lost may simply write again. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.includes(sqlStateOf(error) ?? '');
}

/** Whether a failure of `put` is due to what is in the entry: it is the same whenever it is tried again. */
export function isAboutEntry(error: unknown): boolean {
  const state = (error as { context?: { sqlState?: unknown } } | null | undefined)?.context?.sqlState;
  return typeof state === 'string' && ABOUT_VALUES.includes(state.slice(0, 2));
}

function sqlStateOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && SQLSTATE.test(code) ? code : null;
}

function tellableCause(cause: unknown, sqlState: string | null): Error {
  if (sqlState === null || TELLABLE_CLASSES.includes(sqlState.slice(0, 2))) return slimCause(cause);
  return slimCause({ name: 'DatabaseError', code: sqlState, message: `the database refused with ${sqlState}` });
}
