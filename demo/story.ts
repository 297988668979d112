import { join } from 'node:path';
import {
  type EngineCalls,
  fileVariable,
  jsonVariable,
  objectVariable,
  readFilesToDeploy,
} from '../dev/clients/engine-calls.ts';
import type { FormEntry } from './form-api.ts';

/** A form that somebody sent, and what the vault should make of it. */
export type SentForm = {
  who: string;
  did: string;
  bucket: string;
  caseId: string;
  processInstanceId: string;
  formName: string;
  submittedBy: string;
  /** Ids and title that the form API has for it; forms that live in the engine have none. */
  form: FormEntry | null;
  /** Part of the body that must be there, word for word. */
  body: Record<string, unknown>;
  files: { variable: string; fileName: string; text: string }[];
};

export const PROCESS = 'benefit-claim';
export const CASE_FOR_VISITOR = 'BC-2026-0003';

export const BENEFIT_CLAIM: FormEntry = {
  id: 'f-benefit-claim',
  versionId: 'f-benefit-claim-v3',
  name: 'benefit-claim',
  title: 'Claim for housing benefit',
  components: [
    { type: 'textfield', key: 'claimant', label: 'Claimant' },
    { type: 'number', key: 'rentPerWeek', label: 'Rent per week, in pounds' },
  ],
};
export const EMPLOYER_STATEMENT: FormEntry = {
  id: 'f-employer-statement',
  versionId: 'f-employer-statement-v1',
  name: 'employer-statement',
  title: "Employer's statement of earnings",
  components: [{ type: 'number', key: 'earningsPerWeek', label: 'Earnings per week, in pounds' }],
};

/** Deploys the process with its forms, and the people who work with it. */
export async function prepareEngine(engine: EngineCalls): Promise<void> {
  const files = readFilesToDeploy(join(import.meta.dirname, 'bpmn'), ['benefit-claim.bpmn', 'evidence-check.form']);
  const form = readFilesToDeploy(join(import.meta.dirname, 'bpmn'), ['benefit-claim.html']);
  await engine.deploy({ ...files, 'benefit-claim': form['benefit-claim.html'] ?? '' });
  await engine.createUser('amira', 'Amira', 'Khan', 'demo');
  await engine.createUser('ben', 'Ben', 'Owusu', 'demo');
  await engine.createUser('chloe', 'Chloe', 'Evans', 'demo');
}

/** Sends one form after the other as different people and systems; each is yielded when the engine has answered. */
export async function* sendForms(engine: EngineCalls, environment: string): AsyncGenerator<SentForm> {
  const claims = { bucket: `${environment}-benefit-claims`, form: null, files: [] };
  const decisions = { ...claims, bucket: `${environment}-benefit-decisions` };
  const open = async (instance: string, task: string, person: string): Promise<string> => {
    const { id } = await engine.task(instance, task);
    await engine.assign(id, person);
    return id;
  };

  const first = await engine.start(PROCESS, { businessKey: 'BC-2026-0001' });
  const one = { ...claims, caseId: 'BC-2026-0001', processInstanceId: first.id };
  const claim = { claimant: 'Jo Field', rentPerWeek: 142.5, inWork: true };
  await engine.complete(await open(first.id, 'take-claim', 'amira'), {
    benefitClaim: jsonVariable({
      ...claim,
      form: { formId: '', formVersionId: '', name: 'benefit-claim', submittedBy: 'amira@example.org' },
    }),
  });
  yield {
    ...one,
    who: 'Amira',
    did: 'completed "Take the claim" with an eForms submission',
    formName: 'benefit-claim',
    submittedBy: 'amira@example.org',
    form: BENEFIT_CLAIM,
    body: claim,
  };

  const statement = { employer: 'Bakery Ltd', earningsPerWeek: 310 };
  await engine.correlate({
    messageName: 'employer-statement',
    businessKey: 'BC-2026-0001',
    processVariables: {
      statement: objectVariable({
        ...statement,
        form: { name: 'employer-statement', submittedBy: 'payroll@example.org' },
      }),
    },
  });
  yield {
    ...one,
    who: 'A payroll system',
    did: "sent the message with the employer's statement",
    formName: 'employer-statement',
    submittedBy: 'payroll@example.org',
    form: EMPLOYER_STATEMENT,
    body: statement,
  };

  const tenancy = 'Tenancy agreement: 142.50 pounds a week.\n';
  await engine.submitForm(await open(first.id, 'check-evidence', 'ben'), {
    identityProven: { type: 'Boolean', value: true },
    rentProven: { type: 'Boolean', value: true },
    remarks: { type: 'String', value: 'Tenancy agreement seen' },
    evidence: fileVariable('tenancy.txt', 'text/plain', Buffer.from(tenancy)),
  });
  yield {
    ...one,
    who: 'Ben',
    did: 'completed "Check the evidence", a Camunda Form, with a file',
    formName: 'evidence-check',
    submittedBy: 'ben',
    body: { data: { identityProven: true, rentProven: true, remarks: 'Tenancy agreement seen' } },
    files: [{ variable: 'evidence', fileName: 'tenancy.txt', text: tenancy }],
  };

  await engine.submitForm(await open(first.id, 'decide', 'chloe'), {
    decision: { type: 'String', value: 'granted' },
    poundsPerWeek: { type: 'Long', value: 120 },
    reason: { type: 'String', value: 'Low earnings' },
  });
  yield {
    ...one,
    ...decisions,
    who: 'Chloe',
    did: 'completed "Decide", which has form fields and a product of its own',
    formName: 'decide',
    submittedBy: 'chloe',
    body: { data: { decision: 'granted', poundsPerWeek: 120, reason: 'Low earnings' } },
  };

  const second = await engine.start(PROCESS, { businessKey: 'BC-2026-0002' });
  const two = { ...claims, caseId: 'BC-2026-0002', processInstanceId: second.id };
  const legacyClaim = { claimant: 'Sam Hill', rentPerWeek: 98, inWork: false };
  await engine.complete(await open(second.id, 'take-claim', 'ben'), {
    benefitClaim: jsonVariable({
      ...legacyClaim,
      form: { name: 'benefit-claim', formId: '', formVersionId: '', submissionDate: '' },
      shiftDetailsContext: { email: 'ben@example.org' },
    }),
  });
  yield {
    ...two,
    who: 'Ben',
    did: 'completed "Take the claim" with a legacy submission',
    formName: 'benefit-claim',
    submittedBy: 'ben@example.org',
    form: BENEFIT_CLAIM,
    body: legacyClaim,
  };

  await engine.setVariable(
    second.id,
    'statement',
    jsonVariable({
      received: [{ ...statement, form: { name: 'employer-statement', submittedBy: 'portal@example.org' } }],
    }),
  );
  yield {
    ...two,
    who: "The employers' portal",
    did: 'wrote a variable through REST',
    formName: 'employer-statement',
    submittedBy: 'portal@example.org',
    form: EMPLOYER_STATEMENT,
    body: statement,
  };
}
