"""The pytest plug-in: tests on simulated members and on programs, in a separate pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otp import BadArgument
from otp.testing.cluster_members import Programs, programs_of
from otp.testing.scheduler import Scheduler

pytest_plugins = ["pytester"]

TESTS = """
import otp, pytest
from otp.cluster import DistributedRegistry, Global, MemberDown
from otp.testing import advance, assert_receive

ROOMS = DistributedRegistry.child_spec(name="rooms")

@pytest.mark.simulation
async def test_two_members_are_joined(cluster, cluster_members):
    assert otp.self().node == "test" and cluster is cluster_members.cluster
    assert ["m1@127.0.0.1", "m2@127.0.0.1"] == cluster_members.names
    await Global.register("mine")
    await advance(1)
    assert "test" == (await cluster_members.simulation.on("m2@127.0.0.1", Global.whereis, "mine")).node

@pytest.mark.otp(seed=(1, 2))
@pytest.mark.simulation(size=3, children=[ROOMS])
@pytest.mark.real_nodes(size=3)
async def test_a_killed_member_is_lost(cluster, cluster_members):
    cluster.monitor()
    cluster_members.kill("m2@127.0.0.1")
    down = await assert_receive(MemberDown, timeout=10)
    assert ("m2@127.0.0.1", 2) == (down.member.name, len(cluster_members.names))

@pytest.mark.simulation
async def test_a_stalled_member_resumes(cluster, cluster_members):
    cluster.monitor()
    cluster_members.stall("m1@127.0.0.1")
    await assert_receive(MemberDown, timeout=10)
    cluster_members.resume()
    await cluster.wait_size(3)

@pytest.mark.real_nodes
class TestReal:
    async def test_it(self, cluster):
        raise AssertionError

    def test_plain(self):
        raise AssertionError

@pytest.mark.otp
async def test_unmarked(cluster):
    raise AssertionError
"""


def outcomes(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    pytester.makepyfile(TESTS)
    ours = ("-p", "otp.testing.pytest_plugin", "-p", "no:cacheprovider", "-W", "error", "-rs", "--strict-markers")
    return pytester.runpytest_subprocess(*ours, *options)


@pytest.mark.program
def test_marked_tests_join_simulated_members_and_wait_for_real_ones(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("OTP_TEST_CLUSTER", raising=False)
    result = outcomes(pytester)
    result.assert_outcomes(passed=4, skipped=2, failed=1)
    reason = "needs 2 real members, there are none; try superlearner cluster test run --size 2"
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] *{reason}"])
    result.stdout.fnmatch_lines(["*test_unmarked with the fixture cluster to say where it runs; try @pytest.mark.sim*"])
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps({"size": 1, "cookie": "c", "members": "m", "start": ["false"]}))
    monkeypatch.setenv("OTP_TEST_CLUSTER", str(file))
    result = outcomes(pytester, "-m", "real_nodes")
    result.assert_outcomes(skipped=4, deselected=3)
    result.stdout.fnmatch_lines(["*needs 3 real members, there are 1; try superlearner cluster test run --size 3"])


def test_the_file_of_a_test_cluster_names_its_programs(tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    assert programs_of({}) is None
    assert programs_of({"OTP_TEST_CLUSTER": ""}) is None
    file.write_text('{"size": 2, "cookie": "c", "members": "m", "start": ["a", "b"], "more": 1}')
    assert Programs(2, "c", "m", ("a", "b")) == programs_of({"OTP_TEST_CLUSTER": str(file)})


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"size": "x", "cookie": "", "members": "", "start": []}'])
def test_a_damaged_file_of_a_test_cluster_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "cluster.json"
    if text is not None:
        file.write_text(text)
    why = "No such file" if text is None else "it is damaged"
    with pytest.raises(BadArgument, match=f"OTP_TEST_CLUSTER: expected the cluster_file of .*, got {file}: {why}"):
        programs_of({"OTP_TEST_CLUSTER": str(file)})


def test_the_node_of_a_run_may_have_a_name() -> None:
    run = Scheduler().open(name="test-1@127.0.0.1")
    try:
        assert "test-1@127.0.0.1" == run.node.name
    finally:
        run.close()
