import { randomBytes } from 'node:crypto';

export type Namespace = 'camunda' | 'operaton' | 'activiti';
export type Properties = Record<string, string>;
export type FormField = { id: string; type?: 'string' | 'long' | 'boolean' | 'date'; label?: string };

export type UserTaskStep = {
  userTask: string;
  name?: string;
  formKey?: string;
  formRef?: string;
  formFields?: FormField[];
  assignee?: string;
  properties?: Properties;
  /** Variables that the task gets when it starts: name to expression, without `${}` around it. */
  inputs?: Record<string, string>;
  /** Variables that the task writes into the process when it ends, in the same way. */
  outputs?: Record<string, string>;
};

export type Step =
  | UserTaskStep
  /** A synchronous step that keeps the transaction open; ms, or the variable that says how many. */
  | { sleepMs: number | string }
  /** Waits for a message with this name. */
  | { message: string }
  /** Calls another process, which gets all variables but no business key. */
  | { call: string }
  /** An external service task. */
  | { topic: string }
  /** A point where the transaction ends and a job goes on. */
  | { asyncPoint: true }
  /** All at the same time; the process goes on when all have ended. */
  | { parallel: UserTaskStep[] };

export type ProcessSpec = {
  id?: string;
  name?: string;
  steps: Step[];
  properties?: Properties;
  /** Of attributes and extensions; engines read their own and activiti. */
  namespace?: Namespace;
  /** Of extension properties alone, where it differs. */
  propertiesNamespace?: Namespace;
  /** Another executable process in the same file. */
  neighbour?: { properties: Properties };
};

export type BuiltProcess = { id: string; fileName: string; xml: string; files: Record<string, string> };

const NAMESPACES: Record<Namespace, string> = {
  camunda: 'http://camunda.org/schema/1.0/bpmn',
  operaton: 'http://operaton.org/schema/1.0/bpmn',
  activiti: 'http://activiti.org/bpmn',
};

/** BPMN for one test: the steps one after the other, under a process id that no other test has. */
export function aProcess(spec: ProcessSpec): BuiltProcess {
  const id = spec.id ?? `process_${randomBytes(5).toString('hex')}`;
  const draw = createDrawing(spec.namespace ?? 'camunda', spec.propertiesNamespace ?? spec.namespace ?? 'camunda');
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="definitions_${id}" targetNamespace="test"`,
    `  ${Object.entries(NAMESPACES)
      .map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`)
      .join(' ')}>`,
    ...draw.messages(spec.steps),
    draw.process(id, spec.name ?? id, spec.properties, spec.steps),
    ...(spec.neighbour ? [draw.process(`${id}_neighbour`, 'Neighbour', spec.neighbour.properties, [])] : []),
    '</bpmn:definitions>',
  ].join('\n');
  const fileName = `${id}.bpmn`;
  return { id, fileName, xml, files: { [fileName]: xml } };
}

function createDrawing(ns: Namespace, propertiesNs: Namespace) {
  const messages = (steps: Step[]): string[] =>
    steps.flatMap((step, i) =>
      'message' in step ? [`<bpmn:message id="message_${i}" name="${attr(step.message)}" />`] : [],
    );

  function process(id: string, name: string, properties: Properties | undefined, steps: Step[]): string {
    const nodes = steps.map((step, i) => node(step, i));
    const stations = [
      { first: `${id}_start`, last: `${id}_start` },
      ...nodes,
      { first: `${id}_end`, last: `${id}_end` },
    ];
    const flows = stations.slice(1).map((station, i) => flow(stations[i]?.last ?? '', station.first));
    return [
      `<bpmn:process id="${id}" name="${attr(name)}" isExecutable="true" ${ns}:historyTimeToLive="P30D">`,
      extensions(drawProperties(properties)),
      `<bpmn:startEvent id="${id}_start" />`,
      ...nodes.map(({ xml }) => xml),
      `<bpmn:endEvent id="${id}_end" />`,
      ...flows,
      '</bpmn:process>',
    ].join('\n');
  }

  function node(step: Step, i: number): { first: string; last: string; xml: string } {
    const one = (id: string, xml: string) => ({ first: id, last: id, xml });
    const id = `step_${i}`;
    if ('userTask' in step) return one(step.userTask, userTask(step));
    if ('sleepMs' in step) {
      return one(
        id,
        `<bpmn:serviceTask id="${id}" ${ns}:expression="\${slow.sleep(${attr(String(step.sleepMs))})}" />`,
      );
    }
    if ('message' in step) {
      const event = `<bpmn:messageEventDefinition id="${id}_event" messageRef="message_${i}" />`;
      return one(id, `<bpmn:intermediateCatchEvent id="${id}">${event}</bpmn:intermediateCatchEvent>`);
    }
    if ('call' in step) {
      const mapping = `<${ns}:in variables="all" /><${ns}:out variables="all" />`;
      return one(
        id,
        `<bpmn:callActivity id="${id}" calledElement="${step.call}">${extensions(mapping)}</bpmn:callActivity>`,
      );
    }
    if ('topic' in step) {
      return one(id, `<bpmn:serviceTask id="${id}" ${ns}:type="external" ${ns}:topic="${attr(step.topic)}" />`);
    }
    if ('asyncPoint' in step) return one(id, `<bpmn:task id="${id}" ${ns}:asyncBefore="true" />`);
    return fork(id, step.parallel);
  }

  function fork(id: string, tasks: UserTaskStep[]): { first: string; last: string; xml: string } {
    const [first, last] = [`${id}_fork`, `${id}_join`];
    const gateways = [first, last].map((gateway) => `<bpmn:parallelGateway id="${gateway}" />`);
    const branches = tasks.flatMap((task) => [userTask(task), flow(first, task.userTask), flow(task.userTask, last)]);
    return { first, last, xml: [...gateways, ...branches].join('\n') };
  }

  function userTask(step: UserTaskStep): string {
    const attributes = [
      ['formKey', step.formKey],
      ['formRef', step.formRef],
      ['formRefBinding', step.formRef === undefined ? undefined : 'latest'],
      ['assignee', step.assignee],
    ]
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${ns}:${name}="${attr(value ?? '')}"`);
    const inside = [drawFields(step.formFields), drawProperties(step.properties), drawMappings(step)].join('');
    const name = attr(step.name ?? step.userTask);
    return `<bpmn:userTask id="${step.userTask}" name="${name}" ${attributes.join(' ')}>${extensions(inside)}</bpmn:userTask>`;
  }

  function drawProperties(properties: Properties | undefined): string {
    if (properties === undefined) return '';
    const drawn = Object.entries(properties).map(
      ([name, value]) => `<${propertiesNs}:property name="${attr(name)}" value="${attr(value)}" />`,
    );
    return `<${propertiesNs}:properties>${drawn.join('')}</${propertiesNs}:properties>`;
  }

  function drawFields(fields: FormField[] | undefined): string {
    if (fields === undefined) return '';
    const drawn = fields.map(
      ({ id, type, label }) => `<${ns}:formField id="${id}" label="${attr(label ?? id)}" type="${type ?? 'string'}" />`,
    );
    return `<${ns}:formData>${drawn.join('')}</${ns}:formData>`;
  }

  function drawMappings({ inputs = {}, outputs = {} }: UserTaskStep): string {
    const draw = (element: string, mappings: Record<string, string>) =>
      Object.entries(mappings).map(
        ([name, value]) => `<${ns}:${element} name="${attr(name)}">\${${attr(value)}}</${ns}:${element}>`,
      );
    const drawn = [...draw('inputParameter', inputs), ...draw('outputParameter', outputs)].join('');
    return drawn === '' ? '' : `<${ns}:inputOutput>${drawn}</${ns}:inputOutput>`;
  }

  return { messages, process };
}

function extensions(inside: string): string {
  return inside === '' ? '' : `<bpmn:extensionElements>${inside}</bpmn:extensionElements>`;
}

function flow(from: string, to: string): string {
  return `<bpmn:sequenceFlow id="${from}__${to}" sourceRef="${from}" targetRef="${to}" />`;
}

function attr(text: string): string {
  const escapes: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    '\n': '&#10;',
    '\t': '&#9;',
  };
  return text.replace(/[&<>"\n\t]/g, (character) => escapes[character] ?? character);
}
