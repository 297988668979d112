import { LRUCache } from 'lru-cache';
import { FormvaultError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { createSharedRequests } from '../http/shared-requests.ts';
import { unlessBlank } from '../submission/blank.ts';

/** "No such form" is forgotten soon, and is not believed at all where it would be a failure. */
const ABSENT_CACHE_MS = 5_000;
const MAX_CACHED_FORMS = 1_000;
const MAX_CACHED_NAME_LENGTH = 500;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export type KnownForm = { formId: string; formVersionId: string; title: string | null };

export type FormLookup = {
  /**
   * `isNeeded`: an absent form is a failure, so the form API is asked each time; publishing the form mends it at the first retry.
   * @throws FormvaultError FORM_API_UNAVAILABLE, FORM_API_REJECTED, SHUTTING_DOWN
   */
  find(name: string, signal: AbortSignal, options?: { isNeeded?: boolean }): Promise<KnownForm | null>;
};

/** Stands around each question to the form API, to learn whether it answers. */
type Attempt = <T>(ask: () => Promise<T>) => Promise<T>;
type Cached = { form: KnownForm | null; untilMs: number };

/** The form API: name of a form -> its ids. One request for a name at a time; failures are not remembered. */
export function createFormLookup(
  client: HttpClient,
  options: { cacheMs?: number; now?: () => number; attempt?: Attempt } = {},
): FormLookup {
  const { cacheMs = 60_000, now = Date.now, attempt = (ask) => ask() } = options;
  const cache = new LRUCache<string, Cached>({ max: MAX_CACHED_FORMS });
  const requests = createSharedRequests<KnownForm | null>();

  async function read(name: string, signal: AbortSignal): Promise<KnownForm | null> {
    const context = { form: name };
    const { data } = await client.request({
      method: 'GET',
      path: '/form',
      query: { limit: 1, offset: 0, name },
      signal,
      attempted: 'could not look up the form',
      context,
      maxBytes: MAX_ANSWER_BYTES,
      parse: parseWithNumbersAsText,
    });
    const form = parseForm(data, name);
    if (name.length <= MAX_CACHED_NAME_LENGTH) {
      const lifeMs = form === null ? Math.min(ABSENT_CACHE_MS, cacheMs) : cacheMs;
      cache.set(name, { form, untilMs: now() + lifeMs });
    }
    return form;
  }

  return {
    async find(name, signal, { isNeeded = false } = {}) {
      const cached = cache.get(name);
      const isBelieved = cached !== undefined && now() < cached.untilMs && !(isNeeded && cached.form === null);
      if (isBelieved) return cached.form;
      return requests.share(name, (shared) => attempt(() => read(name, shared)), signal);
    },
  };
}

/** `{total, forms: [{id, versionId, name, title}]}` or an array of entries with `_id` in place of `id`. */
function parseForm(answer: unknown, name: string): KnownForm | null {
  const entries = Array.isArray(answer) ? answer : (answer as { forms?: unknown } | null)?.forms;
  if (!Array.isArray(entries)) throw unreadable('an answer without a list of forms', name);
  const entry = entries.find((each) => each?.name === name);
  if (entry === undefined) return null;
  const formId = textIn(entry.id) ?? textIn(entry._id);
  const formVersionId = textIn(entry.versionId);
  if (formId === null || formVersionId === null) throw unreadable('an entry without id or versionId', name);
  return { formId, formVersionId, title: textIn(entry.title) };
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' ? unlessBlank(value) : null;
}

function unreadable(what: string, name: string): FormvaultError {
  return new FormvaultError('FORM_API_REJECTED', 'could not read the answer of the form API', {
    cause: new Error(what),
    context: { form: name },
    hint: 'Check that FORM_API_URL leads to the form API.',
  });
}

/** An id may be a number, also one beyond 2^53. */
function parseWithNumbersAsText(text: string): unknown {
  type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;
  const asText: Reviver = (_key, value, { source }) => (typeof value === 'number' ? source : value);
  return JSON.parse(text, asText as (key: string, value: unknown) => unknown);
}
