/** Fills the blanks of a submission and says where it belongs; values that are there are never changed. */
import type { EngineDefinitions } from '../engine/engine-definitions.ts';
import { FormvaultError } from '../errors.ts';
import { unlessBlank } from '../submission/blank.ts';
import type { TaskChange, UserTask, VariableWriting } from '../submission/change.ts';
import { fillBlanks } from '../submission/fill-blanks.ts';
import type { EnrichedSubmission, Submission, SubmissionMetadata } from '../submission/submission.ts';
import { parseSubmissionDate } from '../submission/submission-date.ts';
import { hintToWriteAgain } from '../submission/write-again.ts';
import { bucketName } from '../vault/object-layout.ts';
import type { FormLookup } from './form-api.ts';
import { formNameOf, type ProcessModel, settingsFor } from './process-definition.ts';
import type { CaseOfChange } from './process-instances.ts';
import type { ProcessModels } from './process-models.ts';
import type { Users } from './users.ts';

/** Where a submission was (first) written, and what the engine says of that place. */
export type Circumstances = {
  change: VariableWriting | TaskChange;
  /** The user task it was written in. */
  userTask: UserTask | null;
  model: ProcessModel;
  case: CaseOfChange;
};

export type Enrichment = {
  environment: string;
  defaultProduct: string;
  formLookup: 'required' | 'optional';
  /** `null` without a form API. */
  forms: FormLookup | null;
  users: Users;
  definitions: Pick<EngineDefinitions, 'findRunningInstance' | 'findRunningInstanceByBusinessKey'>;
  models: Pick<ProcessModels, 'readLatest'>;
};

const UNKNOWN_SUBMITTER = 'unknown';

/** @throws FormvaultError SUBMISSION_INVALID, PRODUCT_INVALID, FORM_UNKNOWN, FORM_API_…, ENGINE_… */
export async function enrichSubmission(
  submission: Submission,
  circumstances: Circumstances,
  enrichment: Enrichment,
  signal: AbortSignal,
): Promise<EnrichedSubmission> {
  const { change, userTask, model } = circumstances;
  const { businessKey, caseId } = circumstances.case;
  const bucket = await chooseBucket(circumstances, enrichment, signal);
  const name = submission.form.name ?? nameByTask(userTask, model);
  if (name === null) {
    throw new FormvaultError('SUBMISSION_INVALID', 'could not tell the name of the form', {
      ...(change.kind === 'variable' && { hint: hintToWriteAgain(change.variableName, 'with form.name') }),
      context: { source: submission.source },
    });
  }
  const form = await lookUpForm(name, submission, circumstances, enrichment, signal);
  const submittedBy = await findSubmitter(submission, circumstances, enrichment, signal);
  const changeDate = new Date(change.timeMs).toISOString();
  const submittedAtMs = parseSubmissionDate(submission.form.submissionDate ?? changeDate);
  const processDefinitionId = await findDefinitionId(submission, circumstances, enrichment, signal);

  const metadata: SubmissionMetadata = {
    processInstanceId: change.processInstanceId,
    processDefinitionId,
    formId: form.formId,
    formVersionId: form.formVersionId,
    name,
    title: form.title,
    submittedBy,
    submissionDate: submittedAtMs === null ? changeDate : (submission.form.submissionDate ?? changeDate),
    businessKey,
    digest: submission.digest,
    source: submission.source,
    taskId: userTask?.id ?? null,
    activityId: userTask?.definitionKey ?? activityIdOf(change),
    tenantId: change.tenantId,
  };
  return {
    bucket,
    tenantId: change.tenantId,
    caseId,
    formName: name,
    submittedBy,
    submittedAtMs: submittedAtMs ?? change.timeMs,
    digest: submission.digest,
    metadata,
    attachments: submission.attachments,
    renderBody: (attachments) =>
      fillBlanks(
        submission,
        {
          form: { name, ...form, submittedBy, submissionDate: changeDate },
          process: { definitionId: processDefinitionId, instanceId: change.processInstanceId, businessKey },
        },
        attachments.length === 0 ? {} : { attachments },
      ),
  };
}

/** An instance of a version with a wrong product goes by the newest version, once that is right. */
async function chooseBucket(
  circumstances: Circumstances,
  { environment, defaultProduct, models }: Enrichment,
  signal: AbortSignal,
): Promise<string> {
  const { change, userTask, model } = circumstances;
  const activity = userTask?.definitionKey ?? null;
  const nameIn = (its: ProcessModel) => bucketName(environment, settingsFor(its, activity).product ?? defaultProduct);
  const chosen = nameIn(model);
  if ('bucket' in chosen) return chosen.bucket;
  const latest = await models.readLatest(change, signal);
  const corrected = latest === null ? chosen : nameIn(latest);
  if ('bucket' in corrected) return corrected.bucket;
  const { product, productSetOn } = settingsFor(model, activity);
  const place = productSetOn === 'task' ? 'of the user task' : 'of the process';
  throw new FormvaultError('PRODUCT_INVALID', `could not name a bucket after the extension property product ${place}`, {
    hint: `Correct the property product in the BPMN of the process ${change.processDefinitionKey}, deploy it and retry: ${chosen.problem}.`,
    context: { process: change.processDefinitionKey, activity, product },
  });
}

/** The name that a form gets from the user task it was filled in. */
export function nameByTask(userTask: UserTask | null, model: ProcessModel): string | null {
  return userTask === null ? null : formNameOf(model.userTasks.get(userTask.definitionKey), userTask.definitionKey);
}

type FormIds = { formId: string | null; formVersionId: string | null; title: string | null };

/** The ids and the title, asked for only where an id is blank. */
async function lookUpForm(
  name: string,
  { form, source }: Submission,
  { change }: Circumstances,
  { forms, formLookup }: Enrichment,
  signal: AbortSignal,
): Promise<FormIds> {
  const { formId, formVersionId, title } = form;
  if (forms === null || (formId !== null && formVersionId !== null)) return { formId, formVersionId, title };
  // The forms of tasks live in the engine; the form API need not know them.
  const isNeeded = change.kind === 'variable' && formLookup === 'required';
  const found = await forms.find(name, signal, { isNeeded });
  if (found === null) {
    if (!isNeeded) return { formId, formVersionId, title };
    throw new FormvaultError('FORM_UNKNOWN', 'could not find the form in the form API', { context: { source } });
  }
  return {
    formId: formId ?? found.formId,
    formVersionId: formVersionId ?? found.formVersionId,
    title: title ?? found.title,
  };
}

async function findSubmitter(
  { form, email }: Submission,
  circumstances: Circumstances,
  { users }: Enrichment,
  signal: AbortSignal,
): Promise<string> {
  const written = form.submittedBy ?? email;
  if (written !== null) return written;
  const writer = unlessBlank(await users.findWriter(circumstances, signal));
  return writer ?? unlessBlank(circumstances.userTask?.assignee) ?? UNKNOWN_SUBMITTER;
}

/** The change's own row mostly says it; else the instance, running or in the history, or the one with the business key. */
async function findDefinitionId(
  { process }: Submission,
  { change, case: its }: Circumstances,
  { definitions }: Enrichment,
  signal: AbortSignal,
): Promise<string | null> {
  if (change.processDefinitionId !== null) return change.processDefinitionId;
  const instanceId = change.processInstanceId ?? process.instanceId;
  const running = instanceId === null ? null : await definitions.findRunningInstance(instanceId, signal);
  const known = running?.processDefinitionId ?? its.processDefinitionId;
  if (known !== null || process.businessKey === null) return known;
  const named = await definitions.findRunningInstanceByBusinessKey(process.businessKey, signal);
  return named?.processDefinitionId ?? null;
}

/** `<activity id>:<unique id>`; what is written outside of any activity carries the process instance's id alone. */
function activityIdOf({ activityInstanceId, processInstanceId }: Circumstances['change']): string | null {
  if (activityInstanceId === null || activityInstanceId === processInstanceId) return null;
  const colon = activityInstanceId.lastIndexOf(':');
  return colon <= 0 ? null : activityInstanceId.slice(0, colon);
}
