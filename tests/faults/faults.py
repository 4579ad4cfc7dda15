"""The faults that a campaign draws from. Each does one thing and says to whom; what lasts puts its end on the campaign's list. None:
there was nobody to meet.

    (weight, function(campaign, random) -> what it met, or None)
"""
import signal

import faults_servers as servers
from fleet import children, signal_pid


def worker_killed(campaign, rng):
    return campaign.fleet.signal(rng, "worker", signal.SIGKILL)


def worker_terminated(campaign, rng):
    return campaign.fleet.signal(rng, "worker", signal.SIGTERM)


def collector_killed(campaign, rng):
    return campaign.fleet.signal(rng, "collector", signal.SIGKILL)


def collector_terminated(campaign, rng):
    return campaign.fleet.signal(rng, "collector", signal.SIGTERM)


def producer_killed(campaign, rng):
    return campaign.fleet.signal(rng, "producer", signal.SIGKILL)


def producer_terminated(campaign, rng):
    return campaign.fleet.signal(rng, "producer", signal.SIGTERM)


def _pause(campaign, rng, kind):
    role = campaign.fleet.choose(rng, kind)
    if role is not None:
        process = campaign.fleet.roles[role]
        process.signal(signal.SIGSTOP)
        campaign.later(campaign.lasting(rng), "", lambda: process.signal(signal.SIGCONT))
    return role


def worker_paused(campaign, rng):
    return _pause(campaign, rng, "worker")


def collector_paused(campaign, rng):
    return _pause(campaign, rng, "collector")


def producer_paused(campaign, rng):
    return _pause(campaign, rng, "producer")


def slot_killed(campaign, rng):
    """A slot's init dies under the worker: an infra fault, tried again."""
    role = campaign.fleet.choose(rng, "worker")
    inits = children(campaign.fleet.roles[role].pid) if role else []
    return signal_pid(rng.choice(inits), signal.SIGKILL) if inits else None


def runtime_server_killed(campaign, rng):
    role = campaign.fleet.choose(rng, "worker")
    found = campaign.fleet.warm_servers(role) if role else []
    return signal_pid(rng.choice(found), signal.SIGKILL) if found else None


def runtime_server_stopped(campaign, rng):
    """Nobody lets it go on: whoever waits for it has to notice."""
    role = campaign.fleet.choose(rng, "worker")
    found = campaign.fleet.warm_servers(role) if role else []
    return signal_pid(rng.choice(found), signal.SIGSTOP) if found else None


PROGRAMS = [(6, worker_killed), (4, worker_terminated), (5, worker_paused), (6, slot_killed), (6, runtime_server_killed), (4, runtime_server_stopped),
            (5, collector_killed), (3, collector_terminated), (4, collector_paused), (2, producer_killed), (1, producer_terminated), (2, producer_paused)]


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


def _network(campaign, rng, harm):
    """`harm`(network, ports) for a while; one trouble at a time."""
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


def network_stalled(campaign, rng):
    return _network(campaign, rng, lambda network, ports: network.stall(ports))


def network_cut(campaign, rng):
    return _network(campaign, rng, lambda network, ports: network.cut(ports))


def network_lossy(campaign, rng):
    return _network(campaign, rng, lambda network, ports: network.lose(ports, 30))


def network_slow(campaign, rng):
    return _network(campaign, rng, lambda network, _: network.slow())


NETWORK = [(4, network_stalled), (3, network_cut), (2, network_lossy), (2, network_slow)]
ALL = PROGRAMS + servers.ALARMS + servers.DATABASE + servers.RESTARTS
