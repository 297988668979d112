import { type EngineVariable, jsonVariable } from '../../dev/clients/engine-calls.ts';
import type { World } from './world.ts';

export const SITE_VISIT = 'site-visit';

const SUBMISSION_DATE = '2026-03-04T05:06:07.000Z';

/** A complete submission by the convention; who submitted it tells one from another. */
export function aSiteVisit(submittedBy: string, answers: Record<string, unknown> = {}) {
  return { ...answers, form: { name: SITE_VISIT, submittedBy, submissionDate: SUBMISSION_DATE } };
}

export function siteVisitVariable(submittedBy: string, answers: Record<string, unknown> = {}): EngineVariable {
  return jsonVariable(aSiteVisit(submittedBy, answers));
}

export function siteVisitKey(caseId: string, submittedBy: string): string {
  return `${caseId}/${SITE_VISIT}/${submittedBy}-20260304T050607.json`;
}

/** Submits a site visit in a running instance, outside of any task: a change of one feed only. */
export async function submitSiteVisit(world: World, processInstanceId: string, submittedBy: string): Promise<void> {
  await world.engine.setVariable(processInstanceId, `visit_${submittedBy}`, siteVisitVariable(submittedBy));
}

/** The time of an entry in the engine's history that wrote this variable last, in ms since 1970. */
export async function readWritingTime({ engine }: World, processInstanceId: string, variable: string): Promise<number> {
  const params = { processInstanceId, variableUpdates: true, deserializeValues: false };
  const { data } = await engine.http.get<{ variableName: string; time: string }[]>('/history/detail', { params });
  const times = data.filter(({ variableName }) => variableName === variable).map(({ time }) => Date.parse(time));
  return Math.max(...times);
}
