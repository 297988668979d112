import type { CaseAnswer, FoundCases, FoundProcessInstance } from '../../cases/found-case.ts';
import type { Answer } from '../answer.ts';
import type { Look } from '../look.ts';
import { resultOf } from '../pages/case.ts';
import { type Asked, parseCase, parseSearch } from '../parameters.ts';
import { isRefusal, NOTHING_HERE } from '../refusal.ts';

/** `GET /api/workflow/cases` */
export async function searchCases(asked: Asked, look: Look): Promise<Answer> {
  const search = parseSearch(asked);
  if (isRefusal(search)) return search;
  const found = await look.services.findCases(search, look.visible, look.signal);
  const refusal = await look.record({
    action: 'search',
    caseId: null,
    query: search.query,
    result: found.total === 0 ? 'absent' : 'shown',
    count: found.total,
  });
  if (refusal !== null) return refusal;
  const { number, size } = search.page;
  const page = { size, totalElements: found.total, totalPages: Math.ceil(found.total / size), number };
  return { json: { _embedded: { cases: found.cases.map(foundCase) }, page, ...notes(found) } };
}

/** `GET /api/workflow/cases/{businessKey}` */
export async function readCase(asked: Asked, look: Look): Promise<Answer> {
  const place = parseCase(asked);
  if (isRefusal(place)) return place;
  const found = await look.services.readCase(place, look.visible, look.signal);
  const refusal = await look.record({ action: 'view-case', caseId: place.caseId, ...resultOf(found) });
  if (refusal !== null || found === null) return refusal ?? NOTHING_HERE;
  return { json: caseAnswer(found) };
}

function foundCase({ businessKey, processInstances }: FoundCases['cases'][number]) {
  return { businessKey, processInstances: processInstances.map(processInstance) };
}

function caseAnswer({ businessKey, processInstances, metrics, away }: CaseAnswer) {
  const instances = processInstances.map((instance) => ({
    ...processInstance(instance),
    formReferences: instance.formReferences,
    openTasks: instance.openTasks,
  }));
  return { businessKey, processInstances: instances, metrics, ...(away.length > 0 && { away }) };
}

/** Field by field: what else the services know stays here. */
function processInstance({
  id,
  key,
  name,
  definitionId,
  startDate,
  endDate,
}: Omit<FoundProcessInstance, 'id'> & { id: string | null }) {
  return { id, key, name, definitionId, startDate, endDate };
}

/** Only where there is something to say, beside the shape that callers know. */
function notes({ ignored, away }: FoundCases) {
  return { ...(ignored.length > 0 && { ignored }), ...(away.length > 0 && { away }) };
}
