import type { CaseAnswer, CaseMetrics, CaseProcessInstance, CaseTask, FormReference } from '../../cases/found-case.ts';
import { parseSubmissionDate } from '../../submission/submission-date.ts';
import type { Answer } from '../answer.ts';
import { casePath } from '../case-path.ts';
import type { Look } from '../look.ts';
import { type Asked, parseCase, writeExcludes } from '../parameters.ts';
import { isRefusal, NOTHING_HERE } from '../refusal.ts';
import { writeCount, writeDuration, writeTime } from '../written-out.ts';
import { tellAway } from './away.ts';

export type Fact = { label: string; value: string };

/** A form in a list, and where it is. */
export type FormLine = { href: string; title: string; submittedBy: string; when: string };

type ProcessSection = { heading: string; state: string; facts: Fact[]; tasks: string[]; forms: FormLine[] };

const STATES: Record<CaseProcessInstance['state'], string> = {
  running: 'Running',
  ended: 'Ended',
  gone: 'No longer in the engine',
  unknown: 'Not known now',
};

export async function showCase(asked: Asked, look: Look): Promise<Answer> {
  const place = parseCase(asked);
  if (isRefusal(place)) return place;
  const found = await look.services.readCase(place, look.visible, look.signal);
  const refusal = await look.record({ action: 'view-case', caseId: place.caseId, ...resultOf(found) });
  if (refusal !== null || found === null) return refusal ?? NOTHING_HERE;

  const caseId = found.businessKey;
  return {
    page: 'case',
    title: `Case ${caseId}`,
    data: {
      caseId,
      facts: factsOf(found),
      processes: sectionsOf(found),
      metrics: found.metrics === null ? [] : metricsOf(found.metrics),
      printHref: casePath(caseId, { view: '/print', parameters: { excludes: writeExcludes(place) } }),
      away: tellAway(found.away, {
        engine: 'Missing here: states, times and open tasks of the processes, and the figures. All forms are there.',
        'form-api': 'Titles of forms can be missing. All forms are there.',
      }),
    },
    runningHeaders: [{ page: null, texts: [`Case ${caseId}`] }],
  };
}

export function resultOf(found: CaseAnswer | null): { result: 'shown' | 'absent'; count?: number } {
  return found === null ? { result: 'absent' } : { result: 'shown', count: formsOf(found).length };
}

export function formsOf({ processInstances }: CaseAnswer): FormReference[] {
  return processInstances.flatMap(({ formReferences }) => formReferences);
}

/** Who, what, when: in one look. */
export function factsOf(found: CaseAnswer): Fact[] {
  const forms = formsOf(found);
  const times = forms.map(({ submissionDate }) => parseSubmissionDate(submissionDate)).filter((ms) => ms !== null);
  const people = [...new Set(forms.map(({ submittedBy }) => submittedBy))];
  const [first, ...later] = times.sort((a, b) => a - b);
  const newest = later.at(-1) ?? first;
  return [
    { label: 'Forms', value: writeCount(forms.length, 'form') },
    ...(newest === undefined ? [] : [{ label: 'Newest form', value: writeTime(newest) }]),
    ...(first === undefined || first === newest ? [] : [{ label: 'First form', value: writeTime(first) }]),
    ...(people.length === 0 ? [] : [{ label: 'Submitted by', value: people.join(', ') }]),
  ];
}

export function processName({ name, key, id, state }: CaseProcessInstance): string {
  if (id === null) return 'Forms without a process';
  return name ?? key ?? (state === 'unknown' ? 'Process' : 'Former process');
}

function sectionsOf(found: CaseAnswer): ProcessSection[] {
  const parametersOf = formParameters(found);
  const hrefOf = (form: FormReference): string =>
    casePath(found.businessKey, { view: '/submission', parameters: parametersOf(form) });
  return found.processInstances.map((each) => sectionOf(each, hrefOf));
}

function sectionOf(instance: CaseProcessInstance, hrefOf: (form: FormReference) => string): ProcessSection {
  const { startDate, endDate, state, openTasks, formReferences } = instance;
  return {
    heading: processName(instance),
    state: instance.id === null ? '' : STATES[state],
    facts: [
      ...(startDate === null ? [] : [{ label: 'Started', value: writeTime(startDate) }]),
      ...(endDate === null ? [] : [{ label: 'Ended', value: writeTime(endDate) }]),
    ],
    tasks: openTasks.map(writeTask),
    forms: formReferences.map((form) => ({
      href: hrefOf(form),
      title: titleOf(form),
      submittedBy: form.submittedBy,
      when: writeTime(form.submissionDate),
    })),
  };
}

/** With the bucket only where the key alone does not tell which form is meant. */
function formParameters(found: CaseAnswer): (form: FormReference) => { key: string; bucket?: string } {
  const seen = new Set<string>();
  const doubled = new Set<string>();
  for (const { dataPath } of formsOf(found)) (seen.has(dataPath) ? doubled : seen).add(dataPath);
  return ({ dataPath, bucket }) => (doubled.has(dataPath) ? { key: dataPath, bucket } : { key: dataPath });
}

export function titleOf({ title, name }: { title: string | null; name: string }): string {
  return title === null || title.trim() === '' ? name : title;
}

function writeTask({ name, id, assignee, created }: CaseTask): string {
  const since = created === null ? '' : `, open since ${writeTime(created)}`;
  return `${name ?? id} (${assignee === null ? 'nobody has taken it' : `with ${assignee}`}${since})`;
}

function metricsOf(metrics: CaseMetrics): Fact[] {
  const { noOfRunningProcessInstances, noOfCompletedProcessInstances, noOfOpenUserTasks, noOfCompletedUserTasks } =
    metrics;
  return [
    { label: 'Running processes', value: String(noOfRunningProcessInstances) },
    { label: 'Completed processes', value: String(noOfCompletedProcessInstances) },
    { label: 'Open tasks', value: String(noOfOpenUserTasks) },
    { label: 'Completed tasks', value: String(noOfCompletedUserTasks) },
    { label: 'Time in all', value: writeDuration(metrics.overallTimeInSeconds) },
    {
      label: 'Average time of a completed process',
      value:
        noOfCompletedProcessInstances === 0
          ? 'None is completed yet'
          : writeDuration(metrics.averageTimeToCompleteProcessInSeconds),
    },
  ];
}
