/**
 * Who is next among flows that want the same thing: each has waiting items, and is served in
 * proportion to its weight whatever it brings, one item a second or a thousand at once.
 *
 * Each flow has a tag, the virtual time at which what it was given so far is used up. The flow with
 * the smallest tag is next, and virtual time is the tag of who was served last; a flow that comes
 * back begins there, so that nobody saves up for a burst. What an item costs is paid when it is
 * served, as an estimate, and put right when it is known. Source: Goyal, Vin, Cheng, "Start-time
 * fair queueing", SIGCOMM 1996.
 *
 * O(log n) an item in the flows that wait. A flow without waiting items is an entry of a map only
 * until virtual time has passed its tag, or {@link FairQueue.forget} is called.
 */

/** Flows that do not wait and are remembered besides as many as wait. */
const IDLE_FLOWS_MAX = 1_024;

/** What a flow, or a class of flows, was given. */
export interface Account {
  /** Its share, against those of others. */
  weight: number;
  /** Virtual time. */
  tag: number;
  /** What was paid in advance. */
  credit: number;
}

export interface Flow<Item> extends Account {
  /** What an item of it cost lately. */
  lastCost: number;
  first: Waiting<Item> | undefined;
  last: Waiting<Item> | undefined;
  count: number;
  /** Where it is in the heap; -1: it does not wait. */
  position: number;
  /** Ties are served in the order of coming. */
  order: number;
}

/** An item in the queue. */
export interface Waiting<Item> {
  readonly flow: Flow<Item>;
  readonly item: Item;
  previous: Waiting<Item> | undefined;
  next: Waiting<Item> | undefined;
  isGone: boolean;
}

export class FairQueue<Item> {
  readonly #flows = new Map<string, Flow<Item>>();
  readonly #heap: Flow<Item>[] = [];
  #now = 0;
  #count = 0;
  #order = 0;

  /** Items that wait. */
  get count(): number {
    return this.#count;
  }

  /** Flows that are remembered. */
  get flowCount(): number {
    return this.#flows.size;
  }

  /** @param weight holds for what it pays from now on. */
  flow(name: string, weight: number): Flow<Item> {
    const known = this.#flows.get(name);
    if (known !== undefined) {
      known.weight = weight;
      return known;
    }
    if (this.#flows.size > 2 * this.#heap.length + IDLE_FLOWS_MAX) this.#forgetIdle();
    const flow: Flow<Item> = {
      weight,
      tag: this.#now,
      credit: 0,
      lastCost: 1,
      first: undefined,
      last: undefined,
      count: 0,
      position: -1,
      order: 0,
    };
    this.#flows.set(name, flow);
    return flow;
  }

  /** Something of the flow is served that did not wait. */
  begin(flow: Flow<Item>): void {
    flow.tag = Math.max(flow.tag, this.#now);
    this.#now = flow.tag;
  }

  push(flow: Flow<Item>, item: Item): Waiting<Item> {
    const waiting = { flow, item, previous: flow.last, next: undefined, isGone: false };
    if (flow.last === undefined) flow.first = waiting;
    else flow.last.next = waiting;
    flow.last = waiting;
    flow.count++;
    this.#count++;
    if (flow.position < 0) {
      flow.tag = Math.max(flow.tag, this.#now);
      flow.order = this.#order++;
      this.#lift(this.#heap.push(flow) - 1);
    }
    return waiting;
  }

  /** @returns false when it is not in the queue any more. */
  remove(waiting: Waiting<Item>): boolean {
    if (waiting.isGone) return false;
    const { flow } = waiting;
    this.#unlink(waiting);
    if (flow.count === 0) this.#leaveHeap(flow);
    return true;
  }

  /** The next item; its flow is to {@link FairQueue.pay} for it. */
  shift(): Waiting<Item> | undefined {
    const flow = this.#heap[0];
    const waiting = flow?.first;
    if (flow === undefined || waiting === undefined) return undefined;
    this.#now = Math.max(this.#now, flow.tag);
    this.#unlink(waiting);
    if (flow.count === 0) this.#leaveHeap(flow);
    return waiting;
  }

  /** As {@link pay}. */
  pay(flow: Flow<Item>, cost: number): void {
    pay(flow, cost);
    if (flow.position >= 0) this.#sink(flow.position);
  }

  /** As {@link payAhead}. */
  payAhead(flow: Flow<Item>, cost: number): void {
    payAhead(flow, cost);
    if (flow.position >= 0) this.#sink(flow.position);
  }

  /** When nobody waits, nobody owes anybody anything. */
  forget(): void {
    if (this.#count > 0 || this.#flows.size === 0) return;
    this.#flows.clear();
    this.#now = 0;
  }

  #forgetIdle(): void {
    for (const [name, { count, tag }] of this.#flows) {
      if (count === 0 && tag <= this.#now) this.#flows.delete(name);
    }
    if (this.#flows.size <= this.#heap.length + IDLE_FLOWS_MAX) return;
    for (const [name, { count }] of this.#flows) if (count === 0) this.#flows.delete(name);
  }

  #unlink(waiting: Waiting<Item>): void {
    const { flow, previous, next } = waiting;
    if (previous === undefined) flow.first = next;
    else previous.next = next;
    if (next === undefined) flow.last = previous;
    else next.previous = previous;
    waiting.isGone = true;
    flow.count--;
    this.#count--;
  }

  #leaveHeap(flow: Flow<Item>): void {
    const { position } = flow;
    const last = this.#heap.pop();
    flow.position = -1;
    if (last === undefined || last === flow) return;
    this.#put(last, position);
    this.#sink(this.#lift(position));
  }

  #put(flow: Flow<Item>, position: number): void {
    this.#heap[position] = flow;
    flow.position = position;
  }

  #lift(from: number): number {
    const flow = this.#heap[from];
    if (flow === undefined) return from;
    let position = from;
    while (position > 0) {
      const parent = this.#heap[(position - 1) >> 1];
      if (parent === undefined || comesFirst(parent, flow)) break;
      this.#put(parent, position);
      position = (position - 1) >> 1;
    }
    this.#put(flow, position);
    return position;
  }

  #sink(from: number): void {
    const flow = this.#heap[from];
    if (flow === undefined) return;
    let position = from;
    for (;;) {
      const left = this.#heap[2 * position + 1];
      const right = this.#heap[2 * position + 2];
      const child =
        right !== undefined && left !== undefined && comesFirst(right, left) ? right : left;
      if (child === undefined || comesFirst(flow, child)) break;
      const below = child.position;
      this.#put(child, position);
      position = below;
    }
    this.#put(flow, position);
  }
}

/** It was given so much, and comes later by that much over its weight. */
export function pay(account: Account, cost: number): void {
  const used = Math.min(account.credit, cost);
  account.credit -= used;
  account.tag += (cost - used) / account.weight;
}

/** It is being given so much; what it comes to is paid as a whole later. */
export function payAhead(account: Account, cost: number): void {
  account.tag += cost / account.weight;
  account.credit += cost;
}

function comesFirst<Item>(a: Flow<Item>, b: Flow<Item>): boolean {
  return a.tag < b.tag || (a.tag === b.tag && a.order < b.order);
}
