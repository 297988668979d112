import { unlessBlank } from '../submission/blank.ts';
import { attributeOf, childrenNamed, descendantsNamed, parseXml, type XmlElement } from './process-definition-xml.ts';

export const BPMN = 'http://www.omg.org/spec/BPMN/20100524/MODEL';
/** In the order in which an attribute is looked for; Operaton's engine prefers its own, Camunda's ignores it. */
export const ENGINE_NAMESPACES = [
  'http://operaton.org/schema/1.0/bpmn',
  'http://camunda.org/schema/1.0/bpmn',
  'http://activiti.org/bpmn',
];
const FORM_KEY_PREFIX = /^\s*(?:embedded|app|deployment|camunda-forms|operaton-forms):/;
const EXPRESSION = /[$#]\{/;

export type UserTaskModel = {
  formKey: string | null;
  formRef: string | null;
  hasFormFields: boolean;
  product: string | null;
  /** `null` where the task does not say. */
  keepNothing: boolean | null;
};

/** What the BPMN of one process says about its forms. */
export type ProcessModel = {
  product: string | null;
  keepNothing: boolean;
  userTasks: Map<string, UserTaskModel>;
};

export type KeepSettings = { product: string | null; keepNothing: boolean; productSetOn: 'process' | 'task' | null };

/**
 * The whole BPMN file holds other processes too: only the one whose id is the definition's key counts. A file without it, or
 * one that cannot be read, says nothing: tasks that wrote something are kept, by the defaults.
 */
export function parseProcessDefinition(xml: string, processDefinitionKey: string): ProcessModel {
  const root = parseXml(xml);
  const processes = root === null ? [] : [...descendantsNamed(root, [BPMN], 'process')];
  const process = processes.find((each) => attributeOf(each, 'id') === processDefinitionKey);
  if (process === undefined) return { product: null, keepNothing: false, userTasks: new Map() };

  const userTasks = new Map<string, UserTaskModel>();
  for (const task of descendantsNamed(process, [BPMN], 'userTask')) {
    const id = attributeOf(task, 'id');
    if (id !== null) userTasks.set(id, readUserTask(task));
  }
  const { product, keepNothing } = readProperties(process);
  return { product, keepNothing: keepNothing ?? false, userTasks };
}

/** The form's name by the model: form key without its prefixes, else form ref, else the task's definition key. */
export function formNameOf(userTask: UserTaskModel | null | undefined, definitionKey: string): string {
  let name = userTask?.formKey ?? userTask?.formRef ?? definitionKey;
  if (EXPRESSION.test(name)) return definitionKey;
  while (FORM_KEY_PREFIX.test(name)) name = name.replace(FORM_KEY_PREFIX, '');
  return unlessBlank(name)?.trim() ?? definitionKey;
}

export function hasForm(userTask: UserTaskModel | null | undefined): boolean {
  if (userTask === null || userTask === undefined) return false;
  return userTask.formKey !== null || userTask.formRef !== null || userTask.hasFormFields;
}

/** The task's own properties win over those of the process. */
export function settingsFor(model: ProcessModel, definitionKey: string | null): KeepSettings {
  const task = definitionKey === null ? undefined : model.userTasks.get(definitionKey);
  const keepNothing = task?.keepNothing ?? model.keepNothing;
  if (task !== undefined && task.product !== null) return { product: task.product, keepNothing, productSetOn: 'task' };
  return { product: model.product, keepNothing, productSetOn: model.product === null ? null : 'process' };
}

function readUserTask(task: XmlElement): UserTaskModel {
  const extensions = childrenNamed(task, [BPMN], 'extensionElements');
  const formData = extensions.flatMap((each) => childrenNamed(each, ENGINE_NAMESPACES, 'formData'));
  const fields = formData.flatMap((each) => childrenNamed(each, ENGINE_NAMESPACES, 'formField'));
  const properties = extensions.flatMap((each) => childrenNamed(each, ENGINE_NAMESPACES, 'formProperty'));
  return {
    formKey: engineAttributeOf(task, 'formKey'),
    formRef: engineAttributeOf(task, 'formRef'),
    hasFormFields: fields.length > 0 || properties.length > 0,
    ...readProperties(task),
  };
}

/** Only the element's own extension properties; form fields and connectors have properties too. */
function readProperties(element: XmlElement): { product: string | null; keepNothing: boolean | null } {
  const values = new Map<string, string>();
  for (const extensions of childrenNamed(element, [BPMN], 'extensionElements')) {
    for (const properties of childrenNamed(extensions, ENGINE_NAMESPACES, 'properties')) {
      for (const property of childrenNamed(properties, ENGINE_NAMESPACES, 'property')) {
        const name = attributeOf(property, 'name')?.trim().toLowerCase();
        if (name !== undefined) values.set(name, attributeOf(property, 'value')?.trim() ?? '');
      }
    }
  }
  const disabled = unlessBlank(values.get('disableexplicitformdatas3save'));
  return {
    product: unlessBlank(values.get('product')),
    keepNothing: disabled === null ? null : disabled.toLowerCase() === 'true',
  };
}

function engineAttributeOf(element: XmlElement, name: string): string | null {
  for (const namespace of ENGINE_NAMESPACES) {
    const value = unlessBlank(attributeOf(element, name, namespace));
    if (value !== null) return value;
  }
  return null;
}
