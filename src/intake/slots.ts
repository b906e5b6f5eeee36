/** How many works may be under way: all together, of one group, and of those that can wait. */
export interface SlotLimits {
  readonly most: number;
  readonly mostOfGroup: number;
  readonly mostPatient: number;
}

/**
 * Shares out the works that may be under way at once with one forge. What is urgent (an event) goes before what is patient
 * (a scan), which never takes all; between groups (repositories) the one with the fewest under way is next, then the one
 * that was served longest ago. So a thousand places of one repository, or one that answers slowly, do not hold up another.
 */
export interface Slots {
  take<T>(ask: { readonly group: string; readonly isPatient: boolean }, work: () => Promise<T>): Promise<T>;
}

interface Group {
  running: number;
  servedAt: number;
  // Sets, since they give up their first member at no cost.
  readonly urgent: Set<() => void>;
  readonly patient: Set<() => void>;
}

export function createSlots(limits: SlotLimits): Slots {
  const groups = new Map<string, Group>();
  let running = 0;
  let patientRunning = 0;
  let served = 0;

  const next = (isPatient: boolean): Group | null => {
    let best: Group | null = null;
    for (const group of groups.values()) {
      if (group.running >= limits.mostOfGroup || (isPatient ? group.patient : group.urgent).size === 0) continue;
      const isBetter =
        best === null ||
        group.running < best.running ||
        (group.running === best.running && group.servedAt < best.servedAt);
      if (isBetter) best = group;
    }
    return best;
  };

  const fill = (): void => {
    while (running < limits.most) {
      const urgent = next(false);
      const group = urgent ?? (patientRunning < limits.mostPatient ? next(true) : null);
      if (group === null) return;
      const queue = urgent === null ? group.patient : group.urgent;
      const [start] = queue;
      if (start === undefined) return;
      queue.delete(start);
      served += 1;
      group.servedAt = served;
      start();
    }
  };

  return {
    take({ group: name, isPatient }, work) {
      const group: Group = groups.get(name) ?? { running: 0, servedAt: 0, urgent: new Set(), patient: new Set() };
      groups.set(name, group);
      const run = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        try {
          return await work();
        } finally {
          running -= 1;
          group.running -= 1;
          if (isPatient) patientRunning -= 1;
          if (group.running + group.urgent.size + group.patient.size === 0) groups.delete(name);
          fill();
        }
      };
      return new Promise((resolve) => {
        (isPatient ? group.patient : group.urgent).add(() => {
          running += 1;
          group.running += 1;
          if (isPatient) patientRunning += 1;
          resolve(run());
        });
        fill();
      });
    },
  };
}
