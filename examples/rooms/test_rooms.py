"""The rooms on simulated members, and on programs by `superlearner cluster test run`."""

import pytest
from rooms import ROOMS, Room

from otp import GenServer
from otp.cluster import DistributedSupervisor, GroupJoin, pg
from otp.testing import assert_receive, start_supervised


@pytest.mark.simulation(children=[ROOMS], allow=[Room])
@pytest.mark.real_nodes
async def test_a_room_of_a_killed_member_starts_on_another_one(cluster, cluster_members):
    await start_supervised(ROOMS)
    pg.monitor("rooms")
    member = cluster_members.names[-1]
    room = await DistributedSupervisor.start_child("rooms", Room.child_spec("tea", id="tea"), on=member)
    assert await GenServer.call(room, "milk, please") == ("tea", 1)
    first = await assert_receive(GroupJoin, timeout=10)
    cluster_members.kill(member)
    second = await assert_receive(GroupJoin, timeout=30)
    assert first.pids[0].node == member
    assert second.pids[0].node != member
    assert await GenServer.call(second.pids[0], "is it warm?") == ("tea", 1)
