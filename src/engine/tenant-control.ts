/** What decides over tenants' states: those who ask, calls that activate, and policies. */
import { closeAll } from "../base/close-all.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { Directory } from "./directory.ts";
import type { NodeContext } from "./node-context.ts";
import { PolicySweeper, type SweepFigures } from "./policy-sweeper.ts";
import { TenantGate } from "./tenant-gate.ts";
import { TenantMoves } from "./tenant-moves.ts";
import { TenantStates } from "./tenant-states.ts";
import type { SweepDoors } from "./tenant-sweep.ts";
import { TenantUses } from "./tenant-uses.ts";
import type { WarmingDoors } from "./tenant-warming.ts";
import { WarmScheduler, type WarmFigures } from "./warm-scheduler.ts";

export interface ControlDoors {
  readonly node: NodeContext;
  readonly directory: Directory;
  readonly keeper: ShardKeeper;
  readonly onFault: (error: unknown) => void;
}

export class TenantControl {
  readonly moves: TenantMoves;
  readonly states: TenantStates;
  readonly gate: TenantGate;
  /** Of a sweep, by whom it is asked for. */
  readonly sweepDoors: SweepDoors;
  /** Of a warming, likewise. */
  readonly warmDoors: WarmingDoors;
  readonly #uses: TenantUses;
  readonly #sweeper: PolicySweeper;
  readonly #warmer: WarmScheduler;
  readonly #resuming: Promise<void>;

  constructor({ node, directory, keeper, onFault }: ControlDoors) {
    const { catalog } = node;
    const { clock } = node.shards;
    this.moves = new TenantMoves({ node, keeper, onFault });
    this.states = new TenantStates({ catalog, directory, moves: this.moves, onFault });
    this.#uses = new TenantUses({ clock, tenants: directory.tenants, onFault });
    const { states } = this;
    const uses = this.#uses;
    this.gate = new TenantGate({ directory, keeper, states, uses });
    this.sweepDoors = { catalog, states, uses, keeper, clock };
    this.#sweeper = new PolicySweeper({ ...this.sweepDoors, directory, onFault });
    const { gate } = this;
    this.warmDoors = { catalog, directory, gate, states, keeper, clock };
    this.#warmer = new WarmScheduler({ ...this.warmDoors, onFault });
    this.#resuming = states.resume().catch(onFault);
  }

  get sweepFigures(): SweepFigures {
    return this.#sweeper.figures;
  }

  get warmFigures(): WarmFigures {
    return this.#warmer.figures;
  }

  /** Ends what nobody waits for; calls go on. */
  stop(): Promise<void> {
    return closeAll([
      () => this.moves.close(),
      () => this.#resuming,
      () => this.#sweeper.stop(),
      () => this.#warmer.stop(),
    ]);
  }

  /** When no call runs any more: keeps when tenants were used. */
  close(): Promise<void> {
    return this.#uses.close();
  }
}
