// Waiting for a condition with a deadline. The only place of the harness that sleeps.
const pause_ms = 20;

/** Calls `condition` until it returns something truthy, which is returned. `what` names the wish in the error. */
export async function until(what, condition, { timeout_ms = 60_000 } = {}) {
  const deadline = Date.now() + timeout_ms;
  let last = null;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = null;
    } catch (error) {
      if (error.fatal) throw error;
      last = error;
    }
    if (Date.now() > deadline) {
      const cause = last ? `: ${last.message}` : '';
      const text = typeof what === 'function' ? what() : what;
      throw new Error(`not within ${timeout_ms} ms: ${text}${cause}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
  }
}

/** An error that ends the wait at once instead of being tried again. */
export function fatal(text) {
  return Object.assign(new Error(text), { fatal: true });
}
