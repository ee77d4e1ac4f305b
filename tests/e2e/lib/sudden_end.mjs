// SIGKILL of the daemon under load, and what that leaves due. An interaction's position is on disk before it is sent, so
// that none is sent twice; those between the disk and the socket as the daemon dies are sent by nobody.

/** How many serials the newest arrival may be ahead of what is still on its way, unless told otherwise: shards commit each
 * at its own pace. */
const usual_skew = 500;

export class SuddenEnds {
  constructor(simulator, daemon, receivers, { skew = usual_skew } = {}) {
    Object.assign(this, { simulator, daemon, receivers, skew });
    this.cut_off = new Map(receivers.map((receiver) => [receiver, new Set()]));
  }

  /** Kills and starts the daemon. Interactions that were on their way to a receiver are not due to it any more. */
  async restart() {
    await this.daemon.kill9();
    const ledger = await this.simulator.ledger(this.newest_received() - this.skew);
    for (const receiver of this.receivers) {
      for (const { serial, type } of ledger) {
        if (type === 'INTERACTION_CREATE' && !receiver.has(serial)) this.cut_off.get(receiver).add(serial);
      }
    }
    await this.daemon.launch();
  }

  newest_received() {
    const newest = (receiver) => receiver.received().reduce((most, { serial }) => Math.max(most, serial ?? 0), 0);
    return Math.max(this.skew, Math.min(...this.receivers.map(newest)));
  }

  /** For judged(): what is still due to this receiver. */
  due(receiver) {
    return ({ serial }) => !this.cut_off.get(receiver).has(serial);
  }
}
