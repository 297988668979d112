import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  formNameOf,
  hasForm,
  parseProcessDefinition,
  settingsFor,
  type UserTaskModel,
} from '../../../src/enrichment/process-definition.ts';

const BPMN = 'http://www.omg.org/spec/BPMN/20100524/MODEL';
const CAMUNDA = 'http://camunda.org/schema/1.0/bpmn';
const OPERATON = 'http://operaton.org/schema/1.0/bpmn';
const ACTIVITI = 'http://activiti.org/bpmn';

const definitions = (content: string, namespaces = `xmlns:x="${CAMUNDA}"`) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<definitions xmlns="${BPMN}" ${namespaces}>${content}</definitions>`;
const aProcess = (content: string) => definitions(`<process id="main">${content}</process>`);
const properties = (...pairs: [name: string, value: string][]) =>
  `<extensionElements><x:properties>${pairs
    .map(([name, value]) => `<x:property name="${name}" value="${value}"/>`)
    .join('\n')}</x:properties></extensionElements>`;
const aTask = (attributes: string, content = '') => aProcess(`<userTask id="t" ${attributes}>${content}</userTask>`);

const parse = (xml: string) => parseProcessDefinition(xml, 'main');
const taskIn = (xml: string) => parse(xml).userTasks.get('t');
const NOTHING = { product: null, keepNothing: false, userTasks: new Map() };

describe('namespaces', () => {
  test.each([CAMUNDA, OPERATON, ACTIVITI])('%s counts under any prefix', (uri) => {
    const xml = `<b:definitions xmlns:b="${BPMN}" xmlns:c="${uri}"><b:process id="main"><b:extensionElements>
      <c:properties><c:property name="product" value="p"/></c:properties></b:extensionElements>
      <b:userTask id="t" c:formKey="k"/></b:process></b:definitions>`;

    expect(parse(xml)).toMatchObject({ product: 'p' });
    expect(taskIn(xml)?.formKey).toBe('k');
  });

  test('may be declared on the element itself and redefined below', () => {
    const xml = definitions(
      `<process id="main"><extensionElements><properties xmlns="${OPERATON}"><property name="product" value="p"/></properties>
      <c:properties xmlns:c="urn:other"><c:property name="product" value="q"/></c:properties></extensionElements></process>`,
      `xmlns:c="${CAMUNDA}"`,
    );
    expect(parse(xml).product).toBe('p');
  });

  test.each(['xmlns:x="urn:other"', ''])('another one does not count: %s', (declaration) => {
    const xml = definitions(
      `<process id="main">${properties(['product', 'p'])}<userTask id="t" x:formKey="k" formRef="r"/></process>`,
      declaration,
    );
    expect(parse(xml).product).toBeNull();
    expect(taskIn(xml)).toMatchObject({ formKey: null, formRef: null });
  });

  test('elements outside of BPMN are no processes and no tasks', () => {
    expect(parse('<definitions><process id="main"/></definitions>')).toEqual(NOTHING);
    expect(parse(aProcess('<x:userTask id="t"/>')).userTasks.size).toBe(0);
  });
});

describe('the process', () => {
  test('is the one whose id is the key', () => {
    const other = `<process id="other">${properties(['product', 'other'])}<userTask id="u"/></process>`;
    const xml = definitions(`<collaboration/>${other}<process id="main"><userTask id="t"/></process>${other}`);

    expect([...parse(xml).userTasks.keys()]).toEqual(['t']);
    expect(parse(xml).product).toBeNull();
    expect(parseProcessDefinition(xml, 'other').product).toBe('other');
  });

  test.each([
    ['', 'nothing'],
    ['this is no XML', 'a text'],
    ['<definitions', 'a half tag'],
    [definitions('<process id="other"/>'), 'another process'],
    [`${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}`, 'nesting without end'],
  ])('says nothing where it is missing or cannot be read', (xml) => {
    expect(parse(xml)).toEqual(NOTHING);
  });

  test('may hold a thousand references and references in hexadecimal', () => {
    const script = `<scriptTask id="s"><script>${'a &lt; b &amp;&amp; '.repeat(2_000)}</script></scriptTask>`;
    const xml = aProcess(
      `${properties(['pro&#100;uct', '&#x1F600;&#65;&amp;#65;&quot;&unknown;&#x110000;&constructor;'])}${script}`,
    );

    expect(parse(xml).product).toBe('😀A&#65;"&unknown;&#x110000;&constructor;');
  });

  test('does not replace the entities of a document type', () => {
    const type = '<!DOCTYPE definitions [<!ENTITY a "b">]>';

    expect(parse(aProcess(properties(['product', '&a;'])).replace('\n', type)).product).toBe('&a;');
  });

  test('is read, or not, from any text without an error', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '&',
      ';',
      '"',
      "'",
      '=',
      ' ',
      '<!--',
      '<![CDATA[',
      '<?',
      'xmlns',
      ':',
      '&#',
      'a',
    );
    const text = fc.array(fc.oneof(piece, fc.string())).map((pieces) => pieces.join(''));
    fc.assert(fc.property(text, (inner) => expect(parse(aProcess(inner)).userTasks).toBeInstanceOf(Map)));
    fc.assert(fc.property(text, (xml) => expect(parse(xml)).toEqual(NOTHING)));
  });

  test('is read behind a byte order mark, comments and CDATA', () => {
    const xml = `\ufeff${aProcess(
      `<!-- ${properties(['product', 'no'])} --><documentation><![CDATA[${properties(['product', 'no'])}]]></documentation>${properties(['product', 'yes'])}`,
    )}`;
    expect(parse(xml).product).toBe('yes');
  });
});

describe('extension properties', () => {
  test.each([
    ['product', 'p', 'p'],
    [' Product\t', '\n p ', 'p'],
    ['PRODUCT', 'Straße', 'Straße'],
    ['product', '  ', null],
    ['product', '\u200b', null],
    ['products', 'p', null],
  ])('name %j with value %j makes the product %j', (name, value, product) => {
    expect(parse(aProcess(properties([name, value]))).product).toBe(product);
  });

  test.each([
    ['disableExplicitFormDataS3Save', 'true', true],
    ['DISABLEexplicitformdatas3save ', ' TRUE\n', true],
    ['disableExplicitFormDataS3Save', 'yes', false],
    ['disableExplicitFormDataS3Save', '', false],
    ['disableExplicitFormDataS3Save', 'false', false],
  ])('name %j with value %j keeps nothing: %s', (name, value, keepNothing) => {
    expect(parse(aProcess(properties([name, value]))).keepNothing).toBe(keepNothing);
  });

  test('of two equal names the last wins, across blocks and namespaces', () => {
    const block = (prefix: string, value: string) =>
      `<${prefix}:properties><${prefix}:property name="Product" value="${value}"/></${prefix}:properties>`;
    const both = (first: string, second: string) =>
      definitions(
        `<process id="main"><extensionElements>${first}${second}</extensionElements></process>`,
        `xmlns:c="${CAMUNDA}" xmlns:o="${OPERATON}"`,
      );

    expect(parse(aProcess(properties(['product', 'a'], ['PRODUCT', 'b']))).product).toBe('b');
    expect(parse(both(block('c', 'a'), block('o', 'b'))).product).toBe('b');
    expect(parse(both(block('o', 'b'), block('c', 'a'))).product).toBe('a');
  });

  test('of other elements do not count for the process', () => {
    const set = properties(['product', 'p'], ['disableExplicitFormDataS3Save', 'true']);
    const xml = aProcess(
      `<startEvent id="s">${set}</startEvent><subProcess id="u">${set}</subProcess><serviceTask id="v">${set}</serviceTask>`,
    );
    expect(parse(xml)).toEqual(NOTHING);
  });

  test('of form fields and connectors do not count for the task', () => {
    const inner = '<x:properties><x:property id="product" name="product" value="p"/></x:properties>';
    const xml = aTask(
      '',
      `<extensionElements><x:formData><x:formField id="f">${inner}</x:formField></x:formData><x:connector>${inner}</x:connector></extensionElements>`,
    );
    expect(taskIn(xml)).toMatchObject({ product: null, hasFormFields: true });
  });
});

describe('user tasks', () => {
  test('are found in every kind of sub-process', () => {
    const xml = aProcess(
      '<subProcess id="1"><transaction id="2"><adHocSubProcess id="3"><subProcess id="4" triggeredByEvent="true">' +
        '<userTask id="t" x:formKey="k"/></subProcess></adHocSubProcess><userTask id="u"/></transaction></subProcess>',
    );
    expect([...parse(xml).userTasks.keys()]).toEqual(['t', 'u']);
  });

  test.each([
    ['<x:formData><x:formField id="f"/></x:formData>', true],
    ['<x:formProperty id="f"/>', true],
    ['<x:formData/>', false],
    ['<formData><formField id="f"/></formData>', false],
    ['<x:properties><x:property name="formField"/></x:properties>', false],
  ])('have form fields by %s: %s', (extension, hasFormFields) => {
    expect(taskIn(aTask('', `<extensionElements>${extension}</extensionElements>`))?.hasFormFields).toBe(hasFormFields);
  });

  test('have a form by key, by reference or by fields', () => {
    const fields = '<extensionElements><x:formProperty id="f"/></extensionElements>';

    expect(hasForm(taskIn(aTask('x:formKey="k"')))).toBe(true);
    expect(hasForm(taskIn(aTask('x:formRef="r" x:formRefBinding="latest"')))).toBe(true);
    expect(hasForm(taskIn(aTask('', fields)))).toBe(true);
    expect(hasForm(taskIn(aTask('x:formKey=" "')))).toBe(false);
    expect(hasForm(undefined)).toBe(false);
  });
});

describe('the name of a form', () => {
  const model = (form: Partial<UserTaskModel>): UserTaskModel => ({
    formKey: null,
    formRef: null,
    hasFormFields: false,
    product: null,
    keepNothing: null,
    ...form,
  });

  test.each([
    ['site-visit', 'site-visit'],
    [' site-visit ', 'site-visit'],
    ['embedded:app:forms/visit.html', 'forms/visit.html'],
    ['camunda-forms:deployment:visit.form', 'visit.form'],
    ['operaton-forms:app:visit', 'visit'],
    ['app:embedded:deployment: app:visit', 'visit'],
    ['http://forms/visit?app:x', 'http://forms/visit?app:x'],
    ['myapp:visit', 'myapp:visit'],
    ['embedded:app:', 'task-1'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the engine
    ['${form}', 'task-1'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the engine
    ['embedded:app:${form}.html', 'task-1'],
    ['#{form}', 'task-1'],
  ])('is, by the form key %s, %s', (formKey, name) => {
    expect(formNameOf(model({ formKey }), 'task-1')).toBe(name);
  });

  test('is the form reference without a form key, and the definition key without either', () => {
    expect(formNameOf(model({ formRef: 'visit' }), 'task-1')).toBe('visit');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the engine
    expect(formNameOf(model({ formRef: '${visit}' }), 'task-1')).toBe('task-1');
    expect(formNameOf(model({ formKey: 'a', formRef: 'b' }), 'task-1')).toBe('a');
    expect(formNameOf(model({ hasFormFields: true }), 'task-1')).toBe('task-1');
    expect(formNameOf(undefined, 'task-1')).toBe('task-1');
  });

  test('is never blank and never begins with a prefix', () => {
    const prefix = fc.constantFrom('embedded:', 'app:', 'deployment:', 'camunda-forms:', 'operaton-forms:', ' ');
    fc.assert(
      fc.property(fc.array(prefix), fc.string(), (prefixes, rest) => {
        const name = formNameOf(model({ formKey: `${prefixes.join('')}${rest}` }), 'task-1');
        expect(name).toMatch(/\S/);
        expect(name).not.toMatch(/^(?:embedded|app|deployment|camunda-forms|operaton-forms):/);
      }),
    );
  });
});

describe('settings', () => {
  const disable = 'disableExplicitFormDataS3Save';
  const both = (process: [string, string][], task: [string, string][]) =>
    parse(aProcess(`${properties(...process)}<userTask id="t">${properties(...task)}</userTask>`));

  test('of the task win over those of the process, each by itself', () => {
    const model = both(
      [
        ['product', 'p'],
        [disable, 'true'],
      ],
      [['product', 'q']],
    );
    expect(settingsFor(model, 't')).toEqual({ product: 'q', keepNothing: true, productSetOn: 'task' });
    expect(settingsFor(model, 'unknown')).toEqual({ product: 'p', keepNothing: true, productSetOn: 'process' });
    expect(settingsFor(model, null)).toEqual({ product: 'p', keepNothing: true, productSetOn: 'process' });
  });

  test('of a task may switch keeping on again', () => {
    expect(settingsFor(both([[disable, 'true']], [[disable, 'false']]), 't').keepNothing).toBe(false);
    expect(settingsFor(both([], [[disable, 'true']]), 't').keepNothing).toBe(true);
    expect(settingsFor(both([[disable, 'true']], [[disable, ' ']]), 't').keepNothing).toBe(true);
  });

  test('that are blank on the task leave those of the process', () => {
    const model = both([['product', 'p']], [['product', ' ']]);

    expect(settingsFor(model, 't')).toEqual({ product: 'p', keepNothing: false, productSetOn: 'process' });
    expect(settingsFor(both([], []), 't')).toEqual({ product: null, keepNothing: false, productSetOn: null });
  });
});
