"""The faults that a campaign draws from. Each does one thing and says to whom; what lasts puts its end on the campaign's list. None:
there was nobody to meet.

    (weight, function(campaign, random) -> what it met, or None)
"""
import signal

import faults_servers as servers
from fleet import signal_pid

from lib.proc import children


def _killed(campaign, rng, kind):
    return campaign.fleet.signal(rng, kind, signal.SIGKILL)


def _terminated(campaign, rng, kind):
    return campaign.fleet.signal(rng, kind, signal.SIGTERM)


def _paused(campaign, rng, kind):
    role = campaign.fleet.choose(rng, kind)
    if role is not None:
        process = campaign.fleet.roles[role]
        process.signal(signal.SIGSTOP)
        campaign.later(campaign.lasting(rng), "", lambda: process.signal(signal.SIGCONT))
    return role


def _meeting(kind, what):
    def fault(campaign, rng):
        return what(campaign, rng, kind)
    fault.__name__ = kind + what.__name__
    return fault


def slot_killed(campaign, rng):
    """A slot's init dies under the worker: an infra fault, tried again."""
    role = campaign.fleet.choose(rng, "worker")
    inits = children(campaign.fleet.roles[role].pid) if role else []
    return signal_pid(rng.choice(inits), signal.SIGKILL) if inits else None


def _warm_server(campaign, rng, number):
    role = campaign.fleet.choose(rng, "worker")
    found = campaign.fleet.warm_servers(role) if role else []
    return signal_pid(rng.choice(found), number) if found else None


def runtime_server_killed(campaign, rng):
    return _warm_server(campaign, rng, signal.SIGKILL)


def runtime_server_stopped(campaign, rng):
    """Nobody lets it go on: whoever waits for it has to notice."""
    return _warm_server(campaign, rng, signal.SIGSTOP)


# Weights of what meets each program.
_MET = {
    "worker": {_killed: 6, _terminated: 4, _paused: 5},
    "collector": {_killed: 5, _terminated: 3, _paused: 4},
    "producer": {_killed: 2, _terminated: 1, _paused: 2},
}
PROGRAMS = [(weight, _meeting(kind, what)) for kind, weights in _MET.items() for what, weight in weights.items()] + [
    (6, slot_killed), (6, runtime_server_killed), (4, runtime_server_stopped)]


def clock_stepped(campaign, rng):
    """By an hour, to and fro, for one program; it stays so for a while."""
    seconds = rng.choice([3600, -3600])
    role = campaign.fleet.step_clock(rng, seconds)
    if role is None:
        return None
    campaign.later(campaign.lasting(rng), "", lambda: campaign.fleet.set_clock(role, 0))
    return f"{role} {seconds:+d} s"


def disk_full(campaign, rng):
    """Of the programs' temporary files and of the publisher's results."""
    campaign.fleet.disk.fill()
    campaign.later(campaign.lasting(rng), "disk has space again", campaign.fleet.disk.free)
    return ""


CLOCK = [(3, clock_stepped)]
DISK = [(2, disk_full), (2, servers.database_disk_full)]


def _harmed(name, harm):
    """`harm`(network, ports) for a while; one trouble at a time."""
    def fault(campaign, rng):
        network = campaign.fleet.network
        if network.troubled:
            return None
        which, ports = rng.choice([("broker", network.ports[:2]), ("database", network.ports[2:]), ("all", network.ports)])
        harm(network, ports)
        network.troubled = True

        def over():
            network.heal()
            network.troubled = False
        campaign.later(campaign.lasting(rng), "network healed", over)
        return which
    fault.__name__ = name
    return fault


NETWORK = [
    (4, _harmed("network_stalled", lambda network, ports: network.stall(ports))),
    (3, _harmed("network_cut", lambda network, ports: network.cut(ports))),
    (2, _harmed("network_lossy", lambda network, ports: network.lose(ports, 30))),
    (2, _harmed("network_slow", lambda network, _: network.slow())),
]
ALL = PROGRAMS + servers.ALARMS + servers.DATABASE + servers.RESTARTS


def some(*names):
    """These faults, by name, each with a weight of 1."""
    found = {function.__name__: function for _, function in ALL + CLOCK + DISK + NETWORK}
    return [(1, found[name]) for name in names]
