import type { EngineDefinitions } from '../engine/engine-definitions.ts';
import type { EngineForms } from '../engine/engine-forms.ts';
import { isTooLarge } from '../http/http-client.ts';
import { parseDefinition } from './definition-json.ts';
import { createDefinitionMemory, type Known } from './definition-memory.ts';
import type { FormOutline } from './form-outline.ts';
import { idOfCamundaForm, readCamundaForm } from './read-camunda-form.ts';
import { readHtmlForm } from './read-html-form.ts';
import { readUserTask, type TaskForm } from './read-user-task.ts';

/** How far back the engine's deployments are looked through for a form. */
const MAX_DEPLOYMENTS = 500;
const PAGE_SIZE = 50;
/** Deployments whose forms are read at a time. */
const AT_A_TIME = 5;
const MAX_FORMS_OF_DEPLOYMENT = 100;
const MAX_XML_CHARACTERS = 16 * 1024 * 1024;

export type TaskFormQuestion = {
  processDefinitionId: string;
  activityId: string;
  /** Another form is none; `null` is any. */
  formName: string | null;
  submittedAtMs: number;
};

/** What is known of a user task, whichever of its versions of the form was filled in. */
type Place = { form: TaskForm; deploymentId: string; tenantId: string | null };
/** The Camunda forms of one deployment, by their ids. */
type DeployedForms = { forms: Map<string, FormOutline> };
type Found = { outline: FormOutline };

/**
 * The form of a user task as it was when somebody filled it in, from the deployments of the engine.
 *
 * Which version that was follows from the binding: the deployment of the process, a version, or the newest one by then. The
 * engine tells versions of forms to nobody, so they are counted: they are right as long as no deployment was deleted.
 */
export function createTaskForms({
  engine,
  definitions,
  now,
}: {
  engine: EngineForms;
  definitions: Pick<EngineDefinitions, 'findXml'>;
  now: () => number;
}) {
  const places = createDefinitionMemory<Place>(now);
  const found = createDefinitionMemory<Found>(now);
  const deployedForms = createDefinitionMemory<DeployedForms>(now);

  async function readPlace(id: string, activityId: string, signal: AbortSignal): Promise<Known<Place>> {
    const definition = await engine.findDefinition(id, signal);
    const xml = definition === null ? null : await definitions.findXml(id, signal);
    if (definition === null || xml === null || xml.length > MAX_XML_CHARACTERS) return null;
    const form = readUserTask(xml, definition.key, activityId);
    const bytes = form.kind === 'fields' ? 200 * form.outline.parts.length : 200;
    return { value: { ...definition, form }, bytes };
  }

  /** A deployed form by the name of its file: JSON is a Camunda form, anything else HTML. */
  async function readFile(deploymentId: string, name: string, signal: AbortSignal): Promise<Known<Found>> {
    const file = (await engine.readFiles(deploymentId, signal)).find((each) => each.name === name);
    const text = file === undefined ? null : await readText(deploymentId, file.id, signal);
    if (text === null) return null;
    const outline = text.trimStart().startsWith('{') ? readCamundaForm(parseDefinition(text)) : readHtmlForm(text);
    return outline === null ? null : { value: { outline }, bytes: text.length };
  }

  async function readText(deploymentId: string, fileId: string, signal: AbortSignal): Promise<string | null> {
    try {
      return await engine.findFile(deploymentId, fileId, signal);
    } catch (error) {
      if (isTooLarge(error)) return null;
      throw error;
    }
  }

  async function readForms(deploymentId: string, signal: AbortSignal): Promise<Known<DeployedForms>> {
    const forms = new Map<string, FormOutline>();
    let bytes = 0;
    const ofCamunda = (await engine.readFiles(deploymentId, signal)).filter(({ name }) => /\.form$/i.test(name));
    for (const { id } of ofCamunda.slice(0, MAX_FORMS_OF_DEPLOYMENT)) {
      const text = (await readText(deploymentId, id, signal)) ?? '';
      const json = parseDefinition(text);
      const [formId, outline] = [idOfCamundaForm(json), readCamundaForm(json)];
      if (formId !== null && outline !== null) forms.set(formId, outline);
      bytes += text.length;
    }
    return { value: { forms }, bytes };
  }

  async function findIn(deploymentId: string, formId: string, signal: AbortSignal): Promise<FormOutline | null> {
    const read = (shared: AbortSignal) => readForms(deploymentId, shared);
    return (await deployedForms.recall(deploymentId, read, signal))?.forms.get(formId) ?? null;
  }

  /** The form with this id in the deployments before a time: `skip` of them are passed over. */
  async function findAmong(
    formId: string,
    search: { beforeMs: number; order: 'desc' | 'asc'; tenantId: string | null; skip: number },
    signal: AbortSignal,
  ): Promise<FormOutline | null> {
    let left = search.skip;
    for (let first = 0; first < MAX_DEPLOYMENTS; first += PAGE_SIZE) {
      const page = await engine.readDeployments({ ...search, first, size: PAGE_SIZE }, signal);
      for (let at = 0; at < page.length; at += AT_A_TIME) {
        const some = page.slice(at, at + AT_A_TIME).map((id) => findIn(id, formId, signal));
        for (const outline of await Promise.all(some)) {
          if (outline !== null && left-- === 0) return outline;
        }
      }
      if (page.length < PAGE_SIZE) break;
    }
    return null;
  }

  /** The same for every submission, or for the time of each. */
  async function readReferred(
    { deploymentId, tenantId }: Place,
    form: TaskForm & { kind: 'reference' },
    beforeMs: number,
    signal: AbortSignal,
  ): Promise<Known<Found>> {
    const search = { beforeMs, tenantId, skip: 0 };
    const outline = await {
      deployment: () => findIn(deploymentId, form.id, signal),
      latest: () => findAmong(form.id, { ...search, order: 'desc' }, signal),
      // The engine looks for versions among what belongs to no tenant.
      version: () =>
        findAmong(form.id, { beforeMs, tenantId: null, order: 'asc', skip: (form.version ?? 1) - 1 }, signal),
    }[form.binding]();
    return outline === null ? null : { value: { outline }, bytes: 0 };
  }

  async function findForm(place: Place, submittedAtMs: number, signal: AbortSignal): Promise<FormOutline | null> {
    const { form, deploymentId } = place;
    if (form.kind === 'elsewhere') return null;
    if (form.kind === 'fields') return form.outline;
    const beforeMs = form.kind === 'file' || form.binding === 'deployment' ? 0 : submittedAtMs + 1;
    const read = (shared: AbortSignal): Promise<Known<Found>> =>
      form.kind === 'file' ? readFile(deploymentId, form.name, shared) : readReferred(place, form, beforeMs, shared);
    return (await found.recall(JSON.stringify([deploymentId, form, beforeMs]), read, signal))?.outline ?? null;
  }

  return {
    async find(question: TaskFormQuestion, signal: AbortSignal): Promise<FormOutline | null> {
      const { processDefinitionId: id, activityId, formName, submittedAtMs } = question;
      const read = (shared: AbortSignal) => readPlace(id, activityId, shared);
      const place = await places.recall(JSON.stringify([id, activityId]), read, signal);
      if (place === null || (formName !== null && formName !== nameOf(place.form, activityId))) return null;
      return findForm(place, submittedAtMs, signal);
    },
  };
}

/** As a submission without a name of its own gets it. */
function nameOf(form: TaskForm, activityId: string): string {
  if (form.kind === 'file') return form.name;
  return form.kind === 'reference' ? form.id : activityId;
}
