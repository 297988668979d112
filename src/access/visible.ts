/** What a person may see. What is not visible does not exist: not in results, not in counts. */
export type Visible =
  | 'everything'
  | {
      /** `allExcept`: what belongs to no process instance is visible too. `only`: it is not. */
      instances: { allExcept: readonly string[] } | { only: readonly string[] };
      /** Beside what has no tenant. */
      tenants: readonly string[];
    };

/** Whether something of this process instance and tenant may be seen. */
export function isVisible(
  visible: Visible,
  of: { processInstanceId: string | null; tenantId: string | null },
): boolean {
  if (visible === 'everything') return true;
  const { instances, tenants } = visible;
  if (of.tenantId !== null && !tenants.includes(of.tenantId)) return false;
  if ('only' in instances) return of.processInstanceId !== null && instances.only.includes(of.processInstanceId);
  return of.processInstanceId === null || !instances.allExcept.includes(of.processInstanceId);
}
