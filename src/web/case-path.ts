/**
 * Addresses of cases, as every link is made and every request is read.
 *
 *   /cases/{case}…                 the plain way
 *   /cases/-…?case={case}          for a case id that would not survive the first
 *
 * Browsers collapse `.` and `..` however they are encoded, and proxies decode, merge or refuse encoded slashes. So links to such
 * cases carry the id in the query. Both ways are understood for every case.
 */
const IN_QUERY = '-';

/** A NUL can be in no business key: no database of an engine takes one. */
const NUL = '\0';

export type CaseAddress = {
  /** `''`, or begins with a slash. */
  view?: '' | '/submission' | '/attachment' | '/print';
  parameters?: Record<string, string | number | undefined>;
};

export function casePath(caseId: string, { view = '', parameters = {} }: CaseAddress = {}): string {
  const query = new URLSearchParams();
  const isPlain = survivesPath(caseId);
  if (!isPlain) query.set('case', caseId);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const segment = isPlain ? encodeURIComponent(caseId.toWellFormed()) : IN_QUERY;
  return `/cases/${segment}${view}${query.size === 0 ? '' : `?${query}`}`;
}

/** `null` for what can be no case id. */
export function caseIdOf(segment: string, parameters: URLSearchParams): string | null {
  const inQuery = segment === IN_QUERY ? parameters.get('case') : null;
  const caseId = inQuery ?? segment;
  return caseId === '' || caseId.includes(NUL) ? null : caseId;
}

function survivesPath(caseId: string): boolean {
  return caseId !== '.' && caseId !== '..' && !/[/\\\p{Cc}]/u.test(caseId);
}
