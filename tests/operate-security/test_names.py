"""Whoever looks at the management UI tells queues, connections and consumers apart by name: host, worker, slots, runtime."""
import re

from lib.waiting import wait_until


def test_connections_tell_program_worker_slots_and_runtimes(fleet):
    def names():
        found = {c["client_properties"]["connection_name"] for c in fleet.servers.management("GET", "connections") if "client_properties" in c}
        return found if sum("slots=" in name for name in found) >= 3 else None
    found = wait_until(names, 60, "three workers")
    for group, runtimes in (("python", "python"), ("node", "node"), ("native", "c,cpp,bash")):
        pattern = rf"assay-worker \S+-{group}-1 slots=1 runtimes={runtimes}"
        assert any(re.fullmatch(pattern, name) for name in found), (pattern, found)
    assert any(re.fullmatch(r"assay-collector \S+-\d+", name) for name in found), found


def test_consumers_tell_queue_and_worker(fleet):
    wanted = {f"assay.tasks.{runtime}{lane}": group for lane in ("", ".interactive", ".bulk")
              for group, runtime in (("python", "python"), ("node", "node"), ("native", "c"), ("native", "bash"))}

    def tags():
        found = {(c["queue"]["name"], c["consumer_tag"]) for c in fleet.servers.management("GET", "consumers/assay")}
        return found if set(wanted) <= {queue for queue, _ in found} else None
    found = wait_until(tags, 60, "consumers of all queues")
    for queue, group in wanted.items():
        pattern = rf"{re.escape(queue)}#\d+ \S+-{group}-1"
        assert any(name == queue and re.fullmatch(pattern, tag) for name, tag in found), (pattern, found)


def test_queues_are_named_for_their_owner(fleet):
    names = {queue["name"] for queue in fleet.servers.management("GET", "queues/assay")}
    for group in ("python", "node", "native"):
        assert any(re.fullmatch(rf"assay\.control\.\S+-{group}-1\.[0-9a-f]+", name) for name in names), names
