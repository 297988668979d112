/**
 * One case: what the vault holds of it, and what the engine knows of its process instances.
 *
 * An instance belongs to the case because the engine says so by its business key, or because the vault holds a form of it:
 * called processes often have no key of their own, and of an instance that the engine has cleaned up nothing else is left.
 */
import { isVisible, type Visible } from '../access/visible.ts';
import type { CaseInstance, EngineCases, OpenTask, TaskScope } from '../engine/engine-cases.ts';
import type { CaseIndex, IndexedSubmission } from '../index/case-index.ts';
import { parseSubmissionDate } from '../submission/submission-date.ts';
import type { AskEngine } from './ask-engine.ts';
import { caseMetrics } from './case-metrics.ts';
import type { CaseAnswer, CaseProcessInstance, FormReference } from './found-case.ts';

/** What belongs to one process instance; `inEngine`: what the engine says of it. */
type Part = { id: string | null; inEngine: CaseInstance | null; submissions: IndexedSubmission[] };

type InEngine = {
  byId: ReadonlyMap<string, CaseInstance>;
  /** Those with the business key of the case. */
  ofCase: readonly CaseInstance[];
};

type Tasks = { open: OpenTask[]; ended: number };

/** `null`: there is no such case for this person. @throws FormvaultError of the index */
export async function readCase(
  from: { index: Pick<CaseIndex, 'findSubmissions'>; askEngine: AskEngine },
  place: { caseId: string /** Keys of process definitions to leave out. */; excludes: readonly string[] },
  visible: Visible,
  signal: AbortSignal,
): Promise<CaseAnswer | null> {
  const { caseId, excludes } = place;
  if (caseId === '' || caseId.includes('\0')) return null; // no database takes such a text
  const submissions = await from.index.findSubmissions(caseId, visible);
  const inEngine = await from.askEngine(
    (engine, limited) => readInstances(engine, caseId, submissions, limited),
    signal,
  );
  const all = partsOf(caseId, submissions, inEngine, visible);
  if (all.length === 0) return null;

  const parts = all.filter((part) => !excludes.includes(keyOf(part) ?? ''));
  const tasks =
    inEngine === null
      ? null
      : await from.askEngine((engine, limited) => readTasks(engine, caseId, parts, inEngine, limited), signal);
  const open = tasks?.open ?? [];
  return {
    businessKey: caseId,
    processInstances: parts.sort(newestFirst).map((part) => processInstance(part, open, inEngine !== null)),
    metrics: tasks && caseMetrics(instancesOf(parts), { open: tasks.open.length, ended: tasks.ended }),
    away: tasks === null ? ['engine'] : [],
  };
}

async function readInstances(
  engine: EngineCases,
  caseId: string,
  submissions: readonly IndexedSubmission[],
  signal: AbortSignal,
): Promise<InEngine> {
  const ofCase = await engine.readInstancesOfCase(caseId, signal);
  const byId = new Map(ofCase.map((instance) => [instance.id, instance]));
  const ids = new Set(submissions.flatMap(({ processInstanceId }) => processInstanceId ?? []));
  if (ofCase.length === 0) ids.add(caseId); // a case without a business key is called by the id of its root instance
  const others = await engine.readInstances(
    [...ids].filter((id) => !byId.has(id)),
    signal,
  );
  return { byId: new Map([...byId, ...others]), ofCase };
}

function partsOf(
  caseId: string,
  submissions: readonly IndexedSubmission[],
  inEngine: InEngine | null,
  visible: Visible,
): Part[] {
  const parts = new Map<string | null, Part>();
  for (const [id, instance] of inEngine?.byId ?? []) {
    const isOfCase = instance.businessKey === caseId || (id === caseId && (instance.businessKey ?? '') === '');
    if (isOfCase && isShown(instance, visible)) parts.set(id, { id, inEngine: instance, submissions: [] });
  }
  for (const submission of submissions) {
    const id = submission.processInstanceId;
    const instance = id === null ? undefined : inEngine?.byId.get(id);
    const part = parts.get(id) ?? {
      id,
      inEngine: instance !== undefined && isShown(instance, visible) ? instance : null,
      submissions: [],
    };
    part.submissions.push(submission);
    parts.set(id, part);
  }
  return [...parts.values()];
}

async function readTasks(
  engine: EngineCases,
  caseId: string,
  parts: readonly Part[],
  inEngine: InEngine,
  signal: AbortSignal,
): Promise<Tasks> {
  const instances = instancesOf(parts);
  const ids = new Set(instances.map(({ id }) => id));
  const running = instances.filter(({ endDate }) => endDate === null);
  // the engine counts for a business key at once, but knows nothing of who may see which of its instances
  const isWhole = inEngine.ofCase.every(({ id, businessKey }) => ids.has(id) && businessKey === caseId);
  const scopesOf = (some: readonly CaseInstance[]): TaskScope[] => {
    const single = isWhole ? some.filter(({ businessKey }) => businessKey !== caseId) : some;
    const scopes: TaskScope[] = single.map(({ id }) => ({ processInstanceId: id }));
    return single.length < some.length ? [{ processInstanceBusinessKey: caseId }, ...scopes] : scopes;
  };
  const [open, ended] = await Promise.all([
    engine.readOpenTasks(scopesOf(running), signal),
    engine.countEndedTasks(scopesOf(instances), signal),
  ]);
  return { open: open.filter(({ processInstanceId }) => ids.has(processInstanceId ?? '')), ended };
}

function processInstance(part: Part, open: readonly OpenTask[], isEngineThere: boolean): CaseProcessInstance {
  const { id, inEngine, submissions } = part;
  const key = keyOf(part);
  return {
    id,
    key,
    name: inEngine?.name ?? key,
    definitionId: definitionIdOf(part),
    startDate: inEngine?.startDate ?? null,
    endDate: inEngine?.endDate ?? null,
    state: stateOf(part, isEngineThere),
    formReferences: submissions.toSorted((a, b) => b.submittedAtMs - a.submittedAtMs).map(formReference),
    openTasks: open
      .filter((task) => task.processInstanceId === id)
      .map(({ id: taskId, name, definitionKey, assignee, created }) => ({
        id: taskId,
        name: name ?? definitionKey,
        assignee,
        created,
      })),
  };
}

function stateOf({ id, inEngine }: Part, isEngineThere: boolean): CaseProcessInstance['state'] {
  if (inEngine !== null) return inEngine.endDate === null ? 'running' : 'ended';
  return isEngineThere && id !== null ? 'gone' : 'unknown';
}

function formReference(submission: IndexedSubmission): FormReference {
  const { formName, title, formVersionId, key, bucket, submissionDate, submittedAtMs, submittedBy } = submission;
  const isDate = submissionDate !== null && parseSubmissionDate(submissionDate) !== null;
  return {
    name: formName,
    title,
    formVersionId,
    dataPath: key,
    bucket,
    submissionDate: isDate ? submissionDate : new Date(submittedAtMs).toISOString(),
    submittedBy,
  };
}

function isShown({ id, tenantId }: CaseInstance, visible: Visible): boolean {
  return isVisible(visible, { processInstanceId: id, tenantId });
}

function instancesOf(parts: readonly Part[]): CaseInstance[] {
  return parts.flatMap(({ inEngine }) => inEngine ?? []);
}

function definitionIdOf({ id, inEngine, submissions }: Part): string | null {
  if (id === null) return null;
  const known = submissions.find(({ processDefinitionId }) => processDefinitionId !== null);
  return inEngine?.definitionId ?? known?.processDefinitionId ?? null;
}

function keyOf(part: Part): string | null {
  return part.inEngine?.key ?? keyOfDefinition(definitionIdOf(part));
}

/** `key:version:id`; where that would be too long, the engine writes the id alone. */
function keyOfDefinition(definitionId: string | null): string | null {
  return /^(.+):\d+:[^:]+$/s.exec(definitionId ?? '')?.[1] ?? null;
}

/** By their start; one that is not in the engine, by its first form. What belongs to no instance comes last. */
function newestFirst(a: Part, b: Part): number {
  if (a.id === null || b.id === null) return Number(a.id === null) - Number(b.id === null);
  return beginOf(b) - beginOf(a) || (a.id < b.id ? 1 : -1);
}

function beginOf({ inEngine, submissions }: Part): number {
  const startMs = Date.parse(inEngine?.startDate ?? '');
  return Number.isNaN(startMs) ? Math.min(...submissions.map(({ submittedAtMs }) => submittedAtMs)) : startMs;
}
