import { BPMN, ENGINE_NAMESPACES } from '../enrichment/process-definition.ts';
import {
  attributeOf,
  childrenNamed,
  descendantsNamed,
  parseXml,
  type XmlElement,
} from '../enrichment/process-definition-xml.ts';
import { unlessBlank } from '../submission/blank.ts';
import { type AnswerFormat, type FormOutline, type FormPart, PLAIN_TEXT } from './form-outline.ts';
import { plainLabel } from './plain-text.ts';
import { wordsOf } from './words-of-name.ts';

const DEPLOYED = /^\s*(?:(?:embedded|camunda-forms|operaton-forms):)?deployment:(.+)$/s;
const EXPRESSION = /[$#]\{/;

/** Where the form of a user task is to be found. */
export type TaskForm =
  /** A file of the deployment that the process came with. */
  | { kind: 'file'; name: string }
  | { kind: 'reference'; id: string; binding: 'deployment' | 'latest' | 'version'; version: number | null }
  | { kind: 'fields'; outline: FormOutline }
  /** There is none, or it lies where the engine's REST API does not reach, or only an expression knows which. */
  | { kind: 'elsewhere' };

/** What the BPMN says of the form of one user task. */
export function readUserTask(xml: string, processDefinitionKey: string, activityId: string): TaskForm {
  const root = parseXml(xml);
  const processes = root === null ? [] : [...descendantsNamed(root, [BPMN], 'process')];
  const process = processes.find((each) => attributeOf(each, 'id') === processDefinitionKey);
  const tasks = process === undefined ? [] : [...descendantsNamed(process, [BPMN], 'userTask')];
  const task = tasks.find((each) => attributeOf(each, 'id') === activityId);
  if (task === undefined) return { kind: 'elsewhere' };

  const formKey = engineAttributeOf(task, 'formKey');
  const file = DEPLOYED.exec(formKey ?? '')?.[1]?.trim();
  if (file !== undefined && !EXPRESSION.test(file)) return { kind: 'file', name: file };
  return (formKey === null ? readReference(task) : null) ?? readFields(task) ?? { kind: 'elsewhere' };
}

function readReference(task: XmlElement): TaskForm | null {
  const id = engineAttributeOf(task, 'formRef');
  if (id === null || EXPRESSION.test(id)) return null;
  const binding = engineAttributeOf(task, 'formRefBinding');
  if (binding === 'deployment' || binding === 'latest') {
    return { kind: 'reference', id, binding, version: null };
  }
  const version = engineAttributeOf(task, 'formRefVersion') ?? '';
  return /^[1-9]\d{0,8}$/.test(version)
    ? { kind: 'reference', id, binding: 'version', version: Number(version) }
    : null;
}

function readFields(task: XmlElement): TaskForm | null {
  const extensions = childrenNamed(task, [BPMN], 'extensionElements');
  const formData = extensions.flatMap((each) => childrenNamed(each, ENGINE_NAMESPACES, 'formData'));
  // The value of this field goes into the business key of the process, not into a variable.
  const businessKeys = new Set(formData.map((each) => attributeOf(each, 'businessKey')));
  const fields = formData.flatMap((each) => childrenNamed(each, ENGINE_NAMESPACES, 'formField'));
  const properties = extensions.flatMap((each) => childrenNamed(each, ENGINE_NAMESPACES, 'formProperty'));
  const parts = [...fields, ...properties].flatMap((field): FormPart[] => {
    const id = attributeOf(field, 'id');
    if (id === null) return [];
    const label = attributeOf(field, 'label') ?? attributeOf(field, 'name') ?? '';
    return [
      {
        kind: 'field',
        path: id,
        label: unlessBlank(EXPRESSION.test(label) ? '' : plainLabel(label)) ?? wordsOf(id),
        format: formatOf(field),
        when: businessKeys.has(id) ? 'unknown' : null,
      },
    ];
  });
  return parts.length === 0 ? null : { kind: 'fields', outline: { title: null, parts } };
}

function formatOf(field: XmlElement): AnswerFormat {
  const type = attributeOf(field, 'type');
  if (type === 'date') return { as: 'date' };
  if (type !== 'enum') return PLAIN_TEXT;
  const values = childrenNamed(field, ENGINE_NAMESPACES, 'value');
  const labels = new Map(
    values.map((value) => {
      const id = attributeOf(value, 'id') ?? '';
      return [id, unlessBlank(plainLabel(attributeOf(value, 'name') ?? '')) ?? id] as const;
    }),
  );
  return { as: 'choice', options: { labels, template: null, source: null } };
}

function engineAttributeOf(element: XmlElement, name: string): string | null {
  for (const namespace of ENGINE_NAMESPACES) {
    const value = unlessBlank(attributeOf(element, name, namespace));
    if (value !== null) return value;
  }
  return null;
}
