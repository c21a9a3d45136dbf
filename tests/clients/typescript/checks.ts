/** Checks of a walk, which end it with a message. */

export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

export function present<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new Error(message);
  return value;
}

/** An answer that may be a table as well (text), where JSON was asked for. */
export function json<T>(value: T | string | undefined): T {
  if (value === undefined || typeof value === "string") throw new Error("JSON");
  return value;
}

/** The fields of two objects that differ, but for those that every change moves. */
export function differences(before: object, after: object): string[] {
  const moved = ["version", "missing"];
  const values = new Map<string, unknown>(Object.entries(before));
  return Object.entries(after)
    .filter(([name, value]) => !moved.includes(name) && JSON.stringify(values.get(name)) !== JSON.stringify(value))
    .map(([name]) => name);
}
