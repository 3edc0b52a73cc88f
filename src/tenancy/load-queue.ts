/**
 * Memory promised before it is taken. Whoever is to load something says how much first, and begins
 * when there is room for it beside what others were promised; else room is made of what nobody
 * uses, and else it waits: searches first, then writes, then what nobody waits for. In each class
 * shards that are used repeatedly go before those that have just woken, but for one turn in a few;
 * else they go in the order they came.
 *
 * Nobody waits for ever. A wait has an end, which is a refusal that says when to come again: sooner
 * when nothing moves; and when nothing is under way that could give memory back, the first that
 * waits begins anyway, alone: the arenas refuse what is beyond the budget.
 *
 * Of small loads few begin at once, whatever room there is: what very many read from the disk comes
 * back together, and the thread that opens it would have time for nobody else. A load counts for a
 * moment only, so that a disk that does not answer keeps nobody waiting, and nobody is refused for
 * it.
 *
 * INVARIANT: what is used and promised together is within the budget, but for that one.
 */
import { InsulaError } from "../base/errors.ts";
import { LOAD_STALL_MS, LOAD_WAIT_MS, LOADS_WAITING_MAX } from "../base/limits.ts";
import type { Clock, Timer } from "../io/index.ts";
import type { MemoryUse } from "./memory-pressure.ts";

/** In the order in which they begin. */
const CLASSES = ["query", "write", "background"] as const;
export type LoadClass = (typeof CLASSES)[number];

/** Of so many that begin one at least has just woken, when one of those waits. */
const PROVEN_IN_A_ROW_MAX = 7;
/**
 * Small loads under way at once. Source: `bench -- storm --tenants 400`, on two cores: searches of
 * those that were awake took 9 to 14 ms at the 99th percentile with 2 to 4 of them, 20 with 6 and
 * about 100 with all, of which 15 % more were done a second.
 */
const LOADS_AT_ONCE = 3;
/** A load up to this size is small: it takes a few milliseconds. */
const SMALL_LOAD_BYTES = 4_194_304;
/** A load that takes longer is not counted any more, ms. */
const COUNTED_MS = 50;
/** ms. */
const LOOK_AGAIN_MS = 5;
/** Whoever is refused may come again then. */
const RETRY_AFTER_MS = 1_000;

export interface LoadRequest {
  /** Of the shard: who loads the same waits for the same memory once. */
  readonly id: string;
  readonly bytes: number;
  readonly kind: LoadClass;
  /** What is loaded is far away: nobody waits for it but who asked. */
  readonly isFar?: boolean;
  /** The shard is used repeatedly: it does not queue behind those that have just woken. */
  readonly isProven?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface LoadQueueDoors {
  readonly clock: Clock;
  readonly memoryUse: () => MemoryUse;
  /**
   * Makes so many bytes free of what nobody uses, as far as that goes.
   *
   * @param ofProven also of shards that are used repeatedly.
   */
  readonly makeRoom: (bytes: number, ofProven: boolean) => Promise<void>;
  /** False: no call is under way that could give memory back. */
  readonly isBusy: () => boolean;
}

/** Memory that is promised to one shard; to be given back once, loaded or not. */
export class Reservation {
  readonly id: string;
  /** Until then, in monotonic ms, it is one of the loads of which few begin at once. */
  readonly countedUntilMs: number;
  readonly #release: () => void;
  #left: () => number;

  constructor(
    { id, countedUntilMs }: { readonly id: string; readonly countedUntilMs: number },
    left: () => number,
    release: () => void,
  ) {
    this.id = id;
    this.countedUntilMs = countedUntilMs;
    this.#left = left;
    this.#release = release;
  }

  /** What of it is not in memory yet. */
  get left(): number {
    return this.#left();
  }

  /** @param left what the shard has not loaded yet: falls as it loads. */
  follow(left: () => number): void {
    this.#left = left;
  }

  release(): void {
    this.#release();
  }
}

/** Of one class. */
class Line {
  readonly #proven = new Set<Waiter>();
  readonly #others = new Set<Waiter>();
  #inARow = 0;

  get size(): number {
    return this.#proven.size + this.#others.size;
  }

  of({ request }: Waiter): Set<Waiter> {
    return request.isProven === true ? this.#proven : this.#others;
  }

  first(): Waiter | undefined {
    const isTheirs =
      this.#proven.size > 0 && (this.#inARow < PROVEN_IN_A_ROW_MAX || this.#others.size === 0);
    for (const waiter of isTheirs ? this.#proven : this.#others) return waiter;
    return undefined;
  }

  /** Whether somebody waits who goes before it. */
  isBefore({ isProven }: LoadRequest): boolean {
    return isProven === true ? this.#proven.size > 0 : this.size > 0;
  }

  begins(waiter: Waiter): void {
    this.#inARow = waiter.request.isProven === true ? this.#inARow + 1 : 0;
  }

  all(): readonly Waiter[] {
    return [...this.#proven, ...this.#others];
  }
}

interface Waiter {
  readonly request: LoadRequest;
  readonly grant: (reservation: Reservation) => void;
  readonly refuse: (error: unknown) => void;
}

export interface LoadFigures {
  readonly waiting: number;
  readonly reservedBytes: number;
  /** Since the start. */
  readonly waited: number;
  readonly refused: number;
}

export class LoadQueue {
  readonly #doors: LoadQueueDoors;
  readonly #promised = new Set<Reservation>();
  readonly #waiting: Readonly<Record<LoadClass, Line>> = {
    query: new Line(),
    write: new Line(),
    background: new Line(),
  };
  #grantedAtMs = 0;
  #pumping: Promise<void> | undefined;
  #isPokedAgain = false;
  #looking: Timer | undefined;
  /** Of those that wait. */
  #uncountedCount = 0;
  #isClosed = false;
  #waited = 0;
  #refused = 0;

  constructor(doors: LoadQueueDoors) {
    this.#doors = doors;
  }

  get waitingCount(): number {
    return CLASSES.reduce((sum, kind) => sum + this.#waiting[kind].size, 0);
  }

  get figures(): LoadFigures {
    const { waitingCount: waiting } = this;
    const reservedBytes = this.#promisedBytes("");
    return { waiting, reservedBytes, waited: this.#waited, refused: this.#refused };
  }

  /** At once, when there is room and nobody waits that comes first; else undefined. */
  tryReserve(request: LoadRequest): Reservation | undefined {
    const { kind } = request;
    const higher = CLASSES.slice(0, CLASSES.indexOf(kind));
    if (higher.some((each) => this.#waiting[each].size > 0)) return undefined;
    if (this.#waiting[kind].isBefore(request)) return undefined;
    return this.#fits(request) && !this.#isCrowded(request) ? this.#promise(request) : undefined;
  }

  /**
   * @throws InsulaError `memory_exhausted` with `retryAfterMs` when too many wait, or when its time
   *   is over; `engine_closed`; the reason of the signal.
   */
  async reserve(request: LoadRequest): Promise<Reservation> {
    if (this.#isClosed) throw closedError();
    request.signal?.throwIfAborted();
    const now = this.tryReserve(request);
    if (now !== undefined) return now;
    if (this.waitingCount >= LOADS_WAITING_MAX) throw this.#refusal(request, "too many wait");
    this.#waited++;
    return this.#wait(request);
  }

  /** Something may have become free. Costs nothing while nobody waits. */
  poke(): void {
    if (this.waitingCount === 0) return;
    if (this.#pumping !== undefined) {
      this.#isPokedAgain = true;
      return;
    }
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = undefined;
      if (!this.#isPokedAgain) return;
      this.#isPokedAgain = false;
      this.poke();
    });
  }

  /** Refuses those that wait, and whoever comes. */
  close(): void {
    this.#isClosed = true;
    this.#looking?.cancel();
    for (const kind of CLASSES) {
      for (const { refuse } of this.#waiting[kind].all()) refuse(closedError());
    }
  }

  #wait(request: LoadRequest): Promise<Reservation> {
    const { kind, signal } = request;
    return new Promise<Reservation>((resolve, reject) => {
      const end = (): void => {
        this.#waiting[kind].of(waiter).delete(waiter);
        if (!isCounted(request)) this.#uncountedCount--;
        stopWaiting();
        signal?.removeEventListener("abort", abort);
      };
      const refuse = (error: unknown): void => {
        end();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it came
        reject(error);
        // Whoever stood behind may fit.
        this.poke();
      };
      const abort = (): void => {
        refuse(signal?.reason);
      };
      const grant = (reservation: Reservation): void => {
        end();
        resolve(reservation);
      };
      const waiter: Waiter = { request, grant, refuse };
      const stopWaiting = this.#untilTooLate(() => {
        // There is room, but for whoever else begins.
        if (this.#fits(request)) grant(this.#promise(request));
        else refuse(this.#refusal(request, "nothing became free in time"));
      });
      this.#waiting[kind].of(waiter).add(waiter);
      if (!isCounted(request)) this.#uncountedCount++;
      signal?.addEventListener("abort", abort, { once: true });
      this.poke();
    });
  }

  /** Calls once, when nothing has begun for a while, or the time of one wait is over. */
  #untilTooLate(call: () => void): () => void {
    const { clock } = this.#doors;
    const cameAtMs = clock.monotonicMs();
    const look = (): void => {
      const nowMs = clock.monotonicMs();
      const stalledAtMs = Math.max(cameAtMs, this.#grantedAtMs) + LOAD_STALL_MS;
      const leftMs = Math.min(stalledAtMs, cameAtMs + LOAD_WAIT_MS) - nowMs;
      if (leftMs <= 0) call();
      else timer = clock.after(leftMs, look);
    };
    let timer = clock.after(LOAD_STALL_MS, look);
    return () => {
      timer.cancel();
    };
  }

  /** Until the first that waits has to wait on. */
  async #pump(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (!this.#fits(next.request)) {
        // While others load, whoever has just woken waits for these: their memory comes back.
        const ofProven = next.request.isProven === true || this.#promised.size === 0;
        await this.#doors.makeRoom(this.#lackOf(next.request), ofProven).catch(() => undefined);
        // It may have gone meanwhile, or another come in front.
        if (this.#next() !== next) continue;
        const isAlone = this.#promised.size === 0 && !this.#doors.isBusy();
        if (!this.#fits(next.request) && !isAlone) return;
      }
      this.#grantedAtMs = this.#doors.clock.monotonicMs();
      this.#waiting[next.request.kind].begins(next);
      next.grant(this.#promise(next.request));
      // It begins before the next one is looked at.
      await this.#doors.clock.yield();
    }
  }

  /** Who may begin: the first, or while small loads are crowded the first that does not count. */
  #next(): Waiter | undefined {
    const first = this.#first();
    if (first === undefined || !this.#isCrowded(first.request)) return first;
    this.#lookAgain();
    if (this.#uncountedCount === 0) return undefined;
    for (const kind of CLASSES) {
      const free = this.#waiting[kind].all().find(({ request }) => !isCounted(request));
      if (free !== undefined) return free;
    }
    return undefined;
  }

  #first(): Waiter | undefined {
    for (const kind of CLASSES) {
      const waiter = this.#waiting[kind].first();
      if (waiter !== undefined) return waiter;
    }
    return undefined;
  }

  #fits(request: LoadRequest): boolean {
    return this.#lackOf(request) <= 0;
  }

  /** Whoever has loaded all makes way, though it does not say so before it is through. */
  #lookAgain(): void {
    this.#looking ??= this.#doors.clock.after(LOOK_AGAIN_MS, () => {
      this.#looking = undefined;
      this.poke();
    });
  }

  #isCrowded(request: LoadRequest): boolean {
    if (!isCounted(request)) return false;
    const ids = new Set<string>();
    const nowMs = this.#doors.clock.monotonicMs();
    for (const { id, countedUntilMs, left } of this.#promised) {
      if (nowMs < countedUntilMs && left > 0) ids.add(id);
    }
    return ids.size >= LOADS_AT_ONCE && !ids.has(request.id);
  }

  #lackOf({ id, bytes }: LoadRequest): number {
    const { usedBytes, budgetBytes } = this.#doors.memoryUse();
    return usedBytes + this.#promisedBytes(id) + bytes - budgetBytes;
  }

  /** What is promised to others than this one; a shard that is loaded by many counts once. */
  #promisedBytes(id: string): number {
    const most = new Map<string, number>();
    for (const reservation of this.#promised) {
      if (reservation.id === id) continue;
      most.set(reservation.id, Math.max(most.get(reservation.id) ?? 0, reservation.left));
    }
    let sum = 0;
    for (const bytes of most.values()) sum += bytes;
    return sum;
  }

  #promise(request: LoadRequest): Reservation {
    const { id, bytes } = request;
    const reservation: Reservation = new Reservation(
      {
        id,
        countedUntilMs: isCounted(request) ? this.#doors.clock.monotonicMs() + COUNTED_MS : 0,
      },
      () => bytes,
      () => {
        this.#promised.delete(reservation);
        this.poke();
      },
    );
    this.#promised.add(reservation);
    return reservation;
  }

  #refusal({ bytes }: LoadRequest, reason: string): InsulaError {
    this.#refused++;
    return new InsulaError(
      "memory_exhausted",
      `Cannot load the data: ${reason}: expected room for ${String(bytes)} bytes.`,
      { details: { bytes }, retryAfterMs: RETRY_AFTER_MS },
    );
  }
}

function isCounted({ bytes, isFar }: LoadRequest): boolean {
  return bytes <= SMALL_LOAD_BYTES && isFar !== true;
}

function closedError(): InsulaError {
  return new InsulaError("engine_closed", "Cannot load the data: the engine is closed.");
}
