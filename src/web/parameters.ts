import type { ObjectPlace } from '../cases/read-submission.ts';
import type { Page } from '../index/case-index.ts';
import { caseIdOf } from './case-path.ts';
import { NOTHING_HERE, type Refusal, wrong } from './refusal.ts';

const PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
const MAX_PAGE = 1_000_000;
/** Of S3. */
const MAX_KEY_BYTES = 1024;
export const MAX_QUERY_LENGTH = 2000;

/** What a request asks for: the case in its path, and its parameters. */
export type Asked = { segment: string; parameters: URLSearchParams };

export function parseSearch({ parameters }: Asked): { query: string; page: Page } | Refusal {
  const query = (parameters.get('query') ?? '').replaceAll('\0', ' ');
  if (query.length > MAX_QUERY_LENGTH) {
    return wrong(`The search is too long: it can have ${MAX_QUERY_LENGTH} characters.`);
  }
  const number = parseNumber(parameters, 'page', { fallback: 0, min: 0, max: MAX_PAGE });
  if (typeof number !== 'number') return number;
  const size = parseNumber(parameters, 'size', { fallback: PAGE_SIZE, min: 1, max: MAX_PAGE_SIZE });
  if (typeof size !== 'number') return size;
  return { query, page: { number, size } };
}

export function parseNumber(
  parameters: URLSearchParams,
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number | Refusal {
  const text = parameters.get(name) ?? '';
  const value = text === '' ? fallback : Number(text);
  if (/^\d*$/.test(text) && value >= min && value <= max) return value;
  return wrong(`The parameter “${name}” must be a whole number from ${min} to ${max}.`);
}

export function parseCase({ segment, parameters }: Asked): { caseId: string; excludes: string[] } | Refusal {
  const caseId = caseIdOf(segment, parameters);
  if (caseId === null) return NOTHING_HERE;
  const excludes = parameters.getAll('excludes').flatMap((keys) => keys.split(','));
  return { caseId, excludes: excludes.map((key) => key.trim()).filter((key) => key !== '') };
}

/** As `parseCase` reads them from a link. */
export function writeExcludes({ excludes }: { excludes: readonly string[] }): string | undefined {
  return excludes.length === 0 ? undefined : excludes.join(',');
}

export function parseObjectPlace({ segment, parameters }: Asked): ObjectPlace | Refusal {
  const caseId = caseIdOf(segment, parameters);
  const [key, ...others] = parameters.getAll('key');
  if (key === undefined || key === '') return wrong('The parameter “key” is missing: it says which form is meant.');
  if (others.length > 0) return wrong('The parameter “key” can be there only once.');
  if (caseId === null || key.includes('\0') || Buffer.byteLength(key) > MAX_KEY_BYTES) return NOTHING_HERE;
  const bucket = parameters.get('bucket');
  return bucket === null || bucket === '' ? { caseId, key } : { caseId, key, bucket };
}
