import { isVisible, type Visible } from '../access/visible.ts';
import type { CaseInstance } from '../engine/engine-cases.ts';
import type { CaseHit, CaseIndex, Page } from '../index/case-index.ts';
import type { CaseQuery } from '../index/parse-query.ts';
import type { AskEngine } from './ask-engine.ts';
import type { FoundCases, FoundProcessInstance } from './found-case.ts';

/** A case may have any number of process instances; beyond this many on a page, only their ids are told. */
const MAX_INSTANCES = 1_000;

/** What the index finds, with what the engine knows of it: one look-up for the whole page. */
export async function findCases(
  from: {
    index: Pick<CaseIndex, 'searchCases'>;
    askEngine: AskEngine;
    parseQuery(text: string): CaseQuery;
  },
  search: { query: string; page: Page },
  visible: Visible,
  signal: AbortSignal,
): Promise<FoundCases> {
  const query = from.parseQuery(search.query);
  const { total, cases } = await from.index.searchCases(query, visible, search.page);
  const ids = [...new Set(cases.flatMap(({ processInstanceIds }) => processInstanceIds))].slice(0, MAX_INSTANCES);
  const known =
    ids.length === 0
      ? new Map()
      : await from.askEngine((engine, limited) => engine.readInstances(ids, limited), signal);
  return {
    total,
    cases: cases.map((hit) => foundCase(hit, known ?? new Map(), visible)),
    ignored: query.ignored,
    away: known === null ? ['engine'] : [],
  };
}

function foundCase(
  hit: CaseHit,
  known: ReadonlyMap<string, CaseInstance>,
  visible: Visible,
): FoundCases['cases'][number] {
  const { caseId, submissions, latestMs, latestTitle, processInstanceIds } = hit;
  const processInstances = processInstanceIds.map((id) => foundInstance(id, known.get(id), visible));
  return { businessKey: caseId, submissions, latestMs, latestTitle, processInstances };
}

function foundInstance(id: string, instance: CaseInstance | undefined, visible: Visible): FoundProcessInstance {
  if (instance === undefined || !isVisible(visible, { processInstanceId: id, tenantId: instance.tenantId })) {
    return { id, key: null, name: null, definitionId: null, startDate: null, endDate: null };
  }
  const { key, name, definitionId, startDate, endDate } = instance;
  return { id, key, name: name ?? key, definitionId, startDate, endDate };
}
