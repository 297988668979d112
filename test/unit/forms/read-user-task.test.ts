import { describe, expect, test } from '@jest/globals';
import { readUserTask } from '../../../src/forms/read-user-task.ts';
import { aTaskBody, linesOf, viewOfBody } from './a-view.ts';

const NAMESPACES = {
  camunda: 'http://camunda.org/schema/1.0/bpmn',
  operaton: 'http://operaton.org/schema/1.0/bpmn',
  activiti: 'http://activiti.org/bpmn',
};

function bpmn(attributes: string, inside = '', ns: keyof typeof NAMESPACES = 'camunda'): string {
  const extensions = inside === '' ? '' : `<b:extensionElements>${inside}</b:extensionElements>`;
  return `<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:c="${NAMESPACES[ns]}">
    <b:process id="other"><b:userTask id="fill" c:formKey="embedded:deployment:other.html" /></b:process>
    <b:process id="claim"><b:subProcess><b:userTask id="fill" ${attributes}>${extensions}</b:userTask></b:subProcess></b:process>
  </b:definitions>`;
}

const read = (xml: string) => readUserTask(xml, 'claim', 'fill');

test.each([
  ['c:formKey="camunda-forms:deployment:claim.form"', { kind: 'file', name: 'claim.form' }],
  ['c:formKey="operaton-forms:deployment:claim.form"', { kind: 'file', name: 'claim.form' }],
  ['c:formKey="embedded:deployment:forms/claim.html"', { kind: 'file', name: 'forms/claim.html' }],
  ['c:formKey="deployment:claim.html"', { kind: 'file', name: 'claim.html' }],
  [
    'c:formRef="claim" c:formRefBinding="deployment"',
    { kind: 'reference', id: 'claim', binding: 'deployment', version: null },
  ],
  ['c:formRef="claim" c:formRefBinding="latest"', { kind: 'reference', id: 'claim', binding: 'latest', version: null }],
  [
    'c:formRef="claim" c:formRefBinding="version" c:formRefVersion="3"',
    { kind: 'reference', id: 'claim', binding: 'version', version: 3 },
  ],
])('%s leads to the form', (attributes, form) => {
  expect(read(bpmn(attributes))).toEqual(form);
  expect(read(bpmn(attributes, '', 'operaton'))).toEqual(form);
});

test.each([
  'c:formKey="embedded:app:claim.html"',
  'c:formKey="site-visit"',
  `c:formKey="embedded:deployment:${'$'}{chosen}"`,
  `c:formRef="${'$'}{chosen}" c:formRefBinding="latest"`,
  'c:formRef="claim" c:formRefBinding="version" c:formRefVersion="x"',
  'c:formRef="claim"',
  'formKey="camunda-forms:deployment:no-namespace.form"',
  '',
])('the form of %j lies elsewhere', (attributes) => {
  expect(read(bpmn(attributes))).toEqual({ kind: 'elsewhere' });
});

test('a task that is not in the BPMN, and a BPMN that cannot be read, have no form', () => {
  expect(readUserTask(bpmn(''), 'claim', 'gone')).toEqual({ kind: 'elsewhere' });
  expect(readUserTask(bpmn(''), 'gone', 'fill')).toEqual({ kind: 'elsewhere' });
  expect(readUserTask('<broken', 'claim', 'fill')).toEqual({ kind: 'elsewhere' });
});

describe('form fields', () => {
  const fields = `<c:formData businessKey="number">
    <c:formField id="number" label="Number" type="string" />
    <c:formField id="inWork" label="In &lt;b&gt;work&lt;/b&gt;?" type="boolean" />
    <c:formField id="rentPerWeek" type="long" />
    <c:formField id="since" label="\${label}" type="date" />
    <c:formField id="city" label="City" type="enum"><c:value id="o" name="Oslo" /><c:value id="h" /></c:formField>
  </c:formData>`;

  test.each(Object.keys(NAMESPACES) as (keyof typeof NAMESPACES)[])('of %s have labels and options', (ns) => {
    const form = read(bpmn('', fields, ns));
    const outline = form.kind === 'fields' ? form.outline : null;
    const data = { inWork: false, since: '2026-11-21T00:00:00.000Z', city: 'o' };
    expect(linesOf(viewOfBody(aTaskBody(data), outline))).toEqual([
      'In work?: no',
      'Rent per week: –',
      'Since: 21 November 2026',
      'City: Oslo',
    ]);
  });

  test('of the old kind are read too', () => {
    const form = read(bpmn('', '<c:formProperty id="a" name="Label of a" /><c:formProperty id="b" />', 'activiti'));
    const outline = form.kind === 'fields' ? form.outline : null;
    expect(linesOf(viewOfBody(aTaskBody({ a: 1, b: 2 }), outline))).toEqual(['Label of a: 1', 'B: 2']);
  });

  test('stand in for a form that lies elsewhere', () => {
    expect(read(bpmn('c:formKey="embedded:app:claim.html"', fields)).kind).toBe('fields');
    expect(read(bpmn('c:formKey="embedded:deployment:claim.html"', fields)).kind).toBe('file');
  });
});
