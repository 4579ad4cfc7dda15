"""Ports of servers that start at the same time: no two get the same, and one that is taken meanwhile is not taken for ours."""
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from lib.local import Local
from lib.ports import Claims, free_port, process_start
from lib.servers import ROOT

NAMES = ("amqp", "amqps", "distribution", "epmd", "management", "management-tls", "postgresql")


def test_states_that_are_set_up_at_once_share_no_port(tmp_path):
    """None of their servers listens yet: that a port can be bound would not keep them apart."""
    claims, states = tmp_path / "claims", [tmp_path / f"state-{i}" for i in range(24)]
    for state in states:
        state.mkdir()
    choosers = [subprocess.Popen([ROOT / "compose/lib/ports.py", "choose", claims, state, *NAMES]) for state in states]
    assert [chooser.wait(120) for chooser in choosers] == [0] * len(states)
    ports = [int((state / name).read_text()) for state in states for name in NAMES]
    assert len(set(ports)) == len(ports) == 168


def test_none_is_one_that_the_kernel_gives_away(tmp_path):
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    claims = Claims(tmp_path / "claims")
    claims.choose(tmp_path, NAMES)
    assert not [name for name in NAMES if first <= int((tmp_path / name).read_text()) <= last]
    assert not first <= free_port() <= last


def test_a_state_keeps_its_ports_unless_another_program_has_them(tmp_path):
    claims, state = Claims(tmp_path / "claims"), tmp_path / "state"
    state.mkdir()

    def recorded():
        return {name: int((state / name).read_text()) for name in NAMES}
    claims.choose(state, NAMES)
    before = recorded()
    claims.choose(state, NAMES)
    assert recorded() == before
    with socket.create_server(("127.0.0.1", before["amqp"])):
        claims.choose(state, NAMES)
    assert recorded()["amqp"] != before["amqp"]
    assert {**recorded(), "amqp": 0} == {**before, "amqp": 0}


def test_a_claim_ends_with_its_record_or_its_process(tmp_path):
    claims, state = Claims(tmp_path / "claims"), tmp_path / "state"
    state.mkdir()
    claims.choose(state, NAMES)
    mine = claims.choose_for_process()
    script = "import sys; sys.path.insert(0, sys.argv[1]); import ports; print(ports.Claims(sys.argv[2]).choose_for_process())"
    subprocess.run([sys.executable, "-c", script, ROOT / "compose/lib", claims.folder], stdout=subprocess.DEVNULL, check=True)
    held = {path.name: os.readlink(path) for path in claims.folder.iterdir()}
    assert len(held) == len(NAMES) + 2
    assert held[str(mine)] == f"process:{os.getpid()}:{process_start(os.getpid())}"
    (state / "amqp").unlink()
    claims.release_folder(state)
    assert [path.name for path in claims.folder.iterdir()] == [str(mine)], "the other process has ended, and the state gave up its own"


class Squatter(threading.Thread):
    """Listens on the port that the broker was given, before the broker does, and ends each connection as a TLS server would."""

    def __init__(self, record):
        super().__init__(daemon=True)
        self.record, self.port, self.until = record, None, time.monotonic() + 60

    def run(self):
        while not (self.record.exists() and self.record.read_text().strip()):
            if time.monotonic() > self.until:
                return
            time.sleep(0.01)
        self.port = int(self.record.read_text())
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            listener.settimeout(1)
            while time.monotonic() < self.until:
                try:
                    listener.accept()[0].close()
                except TimeoutError:
                    pass


def test_a_port_that_is_taken_while_the_broker_starts():
    """Its management API answered by then, and the port was another program's: `up` went on, and the collector talked to that."""
    fleet = Local.new()
    squatter = Squatter(fleet.state / "ports/amqp")
    squatter.start()
    try:
        done = fleet("servers")
        assert squatter.port, "it found no port to take"
        assert done.returncode == 0, done.stderr
        assert "once more with other ports" in done.stderr
        chosen = int((fleet.state / "ports/amqp").read_text())
        assert chosen != squatter.port
        with socket.create_connection(("127.0.0.1", chosen), 10) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            assert client.recv(1) == b"\x01", "no method frame: this is no broker"
    finally:
        squatter.until = 0
        fleet.remove()
        squatter.join()
