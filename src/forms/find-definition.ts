import type { EngineDefinitions } from '../engine/engine-definitions.ts';
import type { EngineForms } from '../engine/engine-forms.ts';
import { FormvaultError, failureCodeOf } from '../errors.ts';
import { type HttpClient, isTooLarge } from '../http/http-client.ts';
import { parseExactly } from './definition-json.ts';
import { createDefinitionMemory, type Known } from './definition-memory.ts';
import { createTaskForms } from './find-task-form.ts';
import type { FormOutline } from './form-outline.ts';
import { readFormio } from './read-formio.ts';

const TIMEOUT_MS = 4_000;
/** For all requests together, waiting at a closed gate included: a page does without a definition rather than wait. */
const PATIENCE_MS = 6_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Of which submission the form is asked for; `null` is what the vault does not know of it. */
export type FormQuestion = {
  formVersionId: string | null;
  formName: string;
  processDefinitionId: string | null;
  activityId: string | null;
  taskId: string | null;
  submittedAtMs: number;
  /** Convention data name their form themselves: it is the user task's only where that has the same name. */
  kind: 'task' | 'convention';
};

export type FoundDefinition =
  | { kind: 'definition'; definition: FormOutline }
  | { kind: 'none' }
  /** `error` says why, for the log. */
  | { kind: 'unavailable'; what: 'form API' | 'engine'; error: unknown };

export type FormDefinitions = {
  /** The very version of the form that was filled in. @throws FormvaultError SHUTTING_DOWN when the signal aborts */
  find(question: FormQuestion, signal: AbortSignal): Promise<FoundDefinition>;
};

export function createFormDefinitions(options: {
  formApi: HttpClient | null;
  engine: EngineForms;
  definitions: Pick<EngineDefinitions, 'findXml'>;
  patienceMs?: number;
  now?: () => number;
}): FormDefinitions {
  const { formApi, engine, definitions, patienceMs = PATIENCE_MS, now = Date.now } = options;
  const versions = createDefinitionMemory<FormOutline>(now);
  const taskForms = createTaskForms({ engine, definitions, now });

  async function findVersion(id: string, client: HttpClient, signal: AbortSignal): Promise<FormOutline | null> {
    return versions.recall(id, (shared) => readVersion(id, client, shared), signal);
  }

  async function findTaskForm(question: FormQuestion, signal: AbortSignal): Promise<FormOutline | null> {
    const { processDefinitionId, activityId, taskId, submittedAtMs, kind } = question;
    const formName = kind === 'convention' ? question.formName : null;
    const isKnown = processDefinitionId !== null && activityId !== null;
    const named = isKnown ? { processDefinitionId, activityId } : null;
    const place = named ?? (taskId === null ? null : await engine.findTask(taskId, signal));
    return place === null ? null : taskForms.find({ ...place, formName, submittedAtMs }, signal);
  }

  return {
    async find(question, signal) {
      const { formVersionId } = question;
      const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
      let what: 'form API' | 'engine' = 'form API';
      try {
        const isInFormApi = formVersionId !== null && formApi !== null;
        const version = isInFormApi ? await findVersion(formVersionId, formApi, patience) : null;
        if (version !== null) return { kind: 'definition', definition: version };
        what = 'engine';
        const definition = await findTaskForm(question, patience);
        return definition === null ? { kind: 'none' } : { kind: 'definition', definition };
      } catch (error) {
        if (signal.aborted) throw new FormvaultError('SHUTTING_DOWN', 'stopped looking for a form', { cause: error });
        if (failureCodeOf(error) === 'UNEXPECTED') throw error;
        return { kind: 'unavailable', what, error };
      }
    },
  };
}

async function readVersion(id: string, client: HttpClient, signal: AbortSignal): Promise<Known<FormOutline>> {
  try {
    const answer = await client.request({
      method: 'GET',
      path: `/form/version/${encodeURIComponent(id)}`,
      signal,
      attempted: 'could not read a version of a form',
      context: { formVersionId: id },
      accept: [404],
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
      parse: parseExactly,
    });
    const outline = answer.status === 404 ? null : readFormio(answer.data);
    return outline === null ? null : { value: outline, bytes: answer.bytes };
  } catch (error) {
    if (isTooLarge(error)) return null;
    throw error;
  }
}
