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

/** Submits a site visit in a running instance without completing anything: a change of one feed only. */
export async function submitSiteVisit(
  world: World,
  processInstanceId: string,
  submittedBy: string,
  answers: Record<string, unknown> = {},
): Promise<void> {
  const variable = siteVisitVariable(submittedBy, answers);
  await world.engine.setVariable(processInstanceId, `visit_${submittedBy}`, variable);
}

/** Submits several site visits in a running instance in one transaction. */
export async function submitSiteVisits(world: World, processInstanceId: string, people: string[]): Promise<void> {
  const modifications = Object.fromEntries(people.map((person) => [`visit_${person}`, siteVisitVariable(person)]));
  await world.engine.http.post(`/process-instance/${processInstanceId}/variables`, { modifications });
}
