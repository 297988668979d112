import { FORM_NAME } from './site-visit.ts';

/**
 * One user task with a form; the same with what a user would put behind it, an external service task; and with a second user
 * task, so that the process instance still lives when its form cannot be kept.
 */
export type ProcessKey = 'bench_form' | 'bench_form_then_worker' | 'bench_form_then_wait';

export const WORKER_TOPIC = 'keep-form';

export function benchBpmn(): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="bench" targetNamespace="bench">
${process('bench_form', '')}
${process('bench_form_then_worker', `<bpmn:serviceTask id="next" camunda:type="external" camunda:topic="${WORKER_TOPIC}" />`)}
${process('bench_form_then_wait', '<bpmn:userTask id="next" />')}
</bpmn:definitions>`;
}

function process(key: ProcessKey, next: string): string {
  const steps = ['start', 'visit', ...(next === '' ? [] : ['next']), 'end'];
  const flows = steps.slice(1).map((step, index) => {
    return `    <bpmn:sequenceFlow id="${key}_${index}" sourceRef="${key}_${steps[index]}" targetRef="${key}_${step}" />`;
  });
  return `  <bpmn:process id="${key}" isExecutable="true" camunda:historyTimeToLive="P30D">
    <bpmn:startEvent id="${key}_start" />
    <bpmn:userTask id="${key}_visit" name="Visit the site" camunda:formKey="embedded:app:${FORM_NAME}" />
    ${next.replace('id="', `id="${key}_`)}
    <bpmn:endEvent id="${key}_end" />
${flows.join('\n')}
  </bpmn:process>`;
}
