import type { FoundCase, FoundCases } from '../../cases/found-case.ts';
import type { Answer } from '../answer.ts';
import { casePath } from '../case-path.ts';
import type { Look } from '../look.ts';
import { type Asked, parseSearch } from '../parameters.ts';
import { isRefusal } from '../refusal.ts';
import { writeCount } from '../written-out.ts';
import { tellAway } from './away.ts';
import { type PageLinks, pageLinks } from './page-links.ts';

type FoundRow = {
  href: string;
  caseId: string;
  forms: string;
  latestTitle: string;
  latestMs: number;
  processes: string[];
};

export async function findCase(asked: Asked, look: Look): Promise<Answer> {
  const search = parseSearch(asked);
  if (isRefusal(search)) return search;
  const { query, page } = search;
  const found = await look.services.findCases(search, look.visible, look.signal);
  const refusal = await look.record({
    action: 'search',
    caseId: null,
    query,
    result: found.total === 0 ? 'absent' : 'shown',
    count: found.total,
  });
  if (refusal !== null) return refusal;

  const isSearch = query.trim() !== '';
  const pages: PageLinks | null = pageLinks(page, found.total, (number) => {
    const parameters = new URLSearchParams({
      ...(isSearch && { query }),
      ...(number > 0 && { page: String(number) }),
      ...(asked.parameters.has('size') && { size: String(page.size) }),
    });
    return parameters.size === 0 ? '/cases' : `/cases?${parameters}`;
  });
  const heading = headingOf(found.total, isSearch);
  const where = pages === null ? '' : ` (page ${page.number + 1} of ${pages.count})`;
  return {
    page: 'find-case',
    title: isSearch ? `${heading}${where} – Find a case` : `Find a case${where}`,
    data: {
      query,
      isSearch,
      heading,
      where,
      total: found.total,
      cases: found.cases.map(rowOf),
      ignored: found.ignored,
      away: awayOf(found),
      pages,
    },
    runningHeaders: [{ page: null, texts: isSearch ? ['Find a case', query] : ['Find a case'] }],
  };
}

function headingOf(total: number, isSearch: boolean): string {
  if (total === 0) return isSearch ? 'No case was found' : 'There is no case yet';
  return isSearch ? `${writeCount(total, 'case')} found` : `All ${writeCount(total, 'case')}, newest first`;
}

function rowOf({ businessKey, submissions, latestTitle, latestMs, processInstances }: FoundCase): FoundRow {
  const names = processInstances.map(({ name, key }) => name ?? key).filter((name) => name !== null);
  return {
    href: casePath(businessKey),
    caseId: businessKey,
    forms: writeCount(submissions, 'form'),
    latestTitle,
    latestMs,
    processes: [...new Set(names)],
  };
}

function awayOf({ away }: FoundCases): string[] {
  return tellAway(away, {
    engine: 'Names of processes can be missing below. All cases are there.',
    'form-api': 'Titles of forms can be missing below. All cases are there.',
  });
}
