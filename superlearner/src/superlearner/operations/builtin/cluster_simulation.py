"""The simulation of a cluster in the platform: start, fail, cut off, heal, and what all of its members see."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import Field

from superlearner.cluster.simulator import (
    MOST_MEMBERS,
    MOST_SEED,
    SimulationRefused,
    SingleNodeSimulator,
    UnknownMember,
)
from superlearner.nodes.kinds import SIMULATED_HOST
from superlearner.operations.builtin.cluster_moves import read_moves
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.failures import OperationError
from superlearner.operations.results.cluster import ClusterSimulation

MOST_MOVES = 200
SHORT = "members.name,status,side,sees,children faults.kind,members,one_way moves.at,text"

SimulatedName = Annotated[
    str,
    Field(min_length=1, max_length=200, description="a simulated member; n1 is n1@simulated", examples=["n1"]),
]


@operation("cluster.simulation", http=("GET", "/cluster/simulation"), scope="read", on="platform", short=SHORT)
async def simulation(
    ctx: Context, simulator: SingleNodeSimulator, history: MomentHistory | None, /
) -> ClusterSimulation:
    """Show the simulated members, what each of them sees, the faults, and the children that moved.

    All members are asked, on each side of a partition.
    """
    await simulator.begun()
    return await _describe(ctx, simulator, history)


@operation("cluster.simulate", http=("POST", "/cluster/simulation"), scope="operate", on="platform", changes=True,
           errors=("conflict",), short=SHORT, positional="nodes")  # fmt: skip
async def simulate(
    ctx: Context,
    simulator: SingleNodeSimulator,
    history: MomentHistory | None,
    /,
    nodes: Annotated[int, Field(ge=0, le=MOST_MEMBERS, description="number of members; 0 ends the simulation")] = 3,
    seed: Annotated[
        int | None,
        Field(ge=0, le=MOST_SEED, description="seed of the network delays; random by default"),
    ] = None,
) -> ClusterSimulation:
    """Simulate members of a cluster in the platform, to see what they do when one fails or is cut off.

    They are nodes n1@simulated, n2@simulated and so on, with the counters of `cluster start`, in the platform's
    program. Real members must not be connected. For failures inside one node, see `superlearner simulation`.
    """
    if not nodes:
        return await end_simulation(ctx, simulator, history)
    async with _refusing(simulator):
        simulator.check_start()
        ctx.about_to(f"simulate {nodes} members")
        await simulator.start(nodes, seed)
    return await _describe(ctx, simulator, history)


@operation("cluster.end_simulation", http=("DELETE", "/cluster/simulation"), scope="operate", on="platform",
           changes=True, errors=("conflict",), short=SHORT)  # fmt: skip
async def end_simulation(
    ctx: Context, simulator: SingleNodeSimulator, history: MomentHistory | None, /
) -> ClusterSimulation:
    """End all simulated members."""
    async with _refusing(simulator):
        simulator.check_running()
        ctx.about_to("end the simulation", affects=simulator.names)
        await simulator.end()
    return await _describe(ctx, simulator, history)


@operation("cluster.fail", http=("POST", "/cluster/simulation/fail"), scope="operate", on="platform", changes=True,
           errors=("node_not_found", "conflict"), short=SHORT, positional="node")  # fmt: skip
async def fail(
    ctx: Context, simulator: SingleNodeSimulator, history: MomentHistory | None, /, node: SimulatedName
) -> ClusterSimulation:
    """End a simulated member without notice, as `kill -9` ends a real one.

    The other members notice it after about a second, and start its children after another one.
    """
    async with _refusing(simulator):
        name = simulator.find(node, "up")
        ctx.about_to(f"fail {name}", affects=[name])
        await simulator.fail(name)
    return await _describe(ctx, simulator, history)


@operation("cluster.restart", http=("POST", "/cluster/simulation/restart"), scope="operate", on="platform",
           changes=True, errors=("node_not_found", "conflict"), short=SHORT, positional="node")  # fmt: skip
async def restart(
    ctx: Context, simulator: SingleNodeSimulator, history: MomentHistory | None, /, node: SimulatedName
) -> ClusterSimulation:
    """Restart a failed simulated member, under the same name."""
    async with _refusing(simulator):
        name = simulator.find(node, "failed")
        ctx.about_to(f"restart {name}", affects=[name])
        await simulator.restart(name)
    return await _describe(ctx, simulator, history)


@operation("cluster.partition", http=("POST", "/cluster/simulation/partition"), scope="operate", on="platform",
           changes=True, errors=("node_not_found", "conflict"), short=SHORT, positional="nodes")  # fmt: skip
async def partition(
    ctx: Context,
    simulator: SingleNodeSimulator,
    history: MomentHistory | None,
    /,
    nodes: Annotated[
        list[SimulatedName],
        Field(
            min_length=1,
            max_length=MOST_MEMBERS,
            description="the members of one side",
            examples=[["n1"], ["n1", "n2"]],
        ),
    ],
) -> ClusterSimulation:
    """Cut simulated members off from all others.

    Each side loses the other one after about a second, and starts its children: they run twice, until `cluster.heal`.
    """
    async with _refusing(simulator):
        side = simulator.find_side(nodes)
        ctx.about_to(f"cut {', '.join(side)} off from the other members", affects=side)
        await simulator.partition(side)
    return await _describe(ctx, simulator, history)


@operation("cluster.cut", http=("POST", "/cluster/simulation/cut"), scope="operate", on="platform", changes=True,
           errors=("node_not_found", "conflict"), short=SHORT, positional="from to")  # fmt: skip
async def cut(
    ctx: Context,
    simulator: SingleNodeSimulator,
    history: MomentHistory | None,
    /,
    from_: SimulatedName,
    to: SimulatedName,
    one_way: Annotated[bool, Field(description="lose only what the first member sends to the second")] = False,
) -> ClusterSimulation:
    """Cut the connection between two simulated members.

    A connection that is cut in one direction is lost for both members.
    """
    async with _refusing(simulator):
        source, target = simulator.find_pair(from_, to)
        ctx.about_to(f"cut {source} off from {target}", affects=[source, target])
        await simulator.cut(source, target, one_way=one_way)
    return await _describe(ctx, simulator, history)


@operation("cluster.heal", http=("POST", "/cluster/simulation/heal"), scope="operate", on="platform", changes=True,
           errors=("conflict",), short=SHORT)  # fmt: skip
async def heal(ctx: Context, simulator: SingleNodeSimulator, history: MomentHistory | None, /) -> ClusterSimulation:
    """Remove all cuts between simulated members; failed members stay failed.

    If a child ran on two sides, its younger process ends.
    """
    async with _refusing(simulator):
        simulator.check_running()
        ctx.about_to("heal the simulated network", affects=simulator.names)
        await simulator.heal()
    return await _describe(ctx, simulator, history)


async def _describe(ctx: Context, simulator: SingleNodeSimulator, history: MomentHistory | None) -> ClusterSimulation:
    states = simulator.states()
    alive = {one.name for one in states if one.status == "up"}
    whole = {one.name for one in states if one.name in alive and alive <= set(one.sees)}
    moves = await read_moves(ctx, history, MOST_MOVES, since=simulator.began) if states else []
    return ClusterSimulation(
        enabled=simulator.is_running,
        simulated=True,
        seed=simulator.seed,
        since=simulator.began,
        members=states,
        sides=simulator.sides(),
        healthy_nodes=[one.name for one in states if one.name in whole],
        partitioned_nodes=[one.name for one in states if one.name in alive - whole],
        failed_nodes=[one.name for one in states if one.status == "failed"],
        process_distribution={one.name: one.processes for one in states if one.status == "up"},
        faults=simulator.faults(),
        children=simulator.children(),
        moves=[one for one in moves if one.node.endswith(f"@{SIMULATED_HOST}")],
    )


@asynccontextmanager
async def _refusing(simulator: SingleNodeSimulator) -> AsyncGenerator[None]:
    """Convert what the simulator raises into errors of an operation, once it has begun."""
    await simulator.begun()
    try:
        yield
    except SimulationRefused as refused:
        raise OperationError("conflict", str(refused)) from None
    except UnknownMember as error:
        hint = f"expected one of {', '.join(error.known)}"
        raise OperationError("node_not_found", str(error), hint=hint) from None
