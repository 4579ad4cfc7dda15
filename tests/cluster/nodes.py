"""Three RabbitMQ nodes on this machine that form a cluster, beside the PostgreSQL of lib/servers.py."""
import os
import pathlib
import signal
import socket
import subprocess

from lib.ports import free_port
from lib.servers import ROOT, Servers
from lib.site import Site
from lib.waiting import wait_until

NODES = ("n1", "n2", "n3")


class Node:
    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.folder = cluster.state / "cluster" / name
        self.ports = {what: free_port() for what in ("amqp", "management", "distribution")}
        self.process = None
        (self.folder / "data").mkdir(parents=True)
        self.folder.joinpath("enabled_plugins").write_text("[rabbitmq_management].\n")
        self.folder.joinpath("rabbitmq.conf").write_text((ROOT / "conf/broker/rabbitmq.conf").read_text() + f"""
listeners.tcp.local = 127.0.0.1:{self.ports['amqp']}
management.tcp.ip = 127.0.0.1
management.tcp.port = {self.ports['management']}
load_definitions = {cluster.state}/rabbitmq/definitions.json
cluster_formation.peer_discovery_backend = classic_config
""" + "".join(f"cluster_formation.classic_config.nodes.{number} = {other}@localhost\n" for number, other in enumerate(NODES, 1)))

    def start(self):
        home = self.cluster.state / "cluster"
        env = {"HOME": home, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "RABBITMQ_NODENAME": f"{self.name}@localhost",
               "RABBITMQ_MNESIA_BASE": self.folder / "data", "RABBITMQ_MNESIA_DIR": self.folder / "data/node", "RABBITMQ_LOG_BASE": self.folder,
               "RABBITMQ_LOGS": "-", "RABBITMQ_CONFIG_FILE": self.folder / "rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
               "RABBITMQ_ADVANCED_CONFIG_FILE": self.folder / "none", "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
               "RABBITMQ_PID_FILE": self.folder / "pid", "RABBITMQ_DIST_PORT": self.ports["distribution"],
               "ERL_EPMD_PORT": self.cluster.port("epmd"), "ERL_EPMD_ADDRESS": "127.0.0.1",
               "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
               "RABBITMQ_SERVER_START_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"}
        server = next(pathlib.Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--reuid", "rabbitmq", "--regid", "rabbitmq", "--init-groups", "env", "-i",
                                             *(f"{name}={value}" for name, value in env.items()), server],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports["amqp"])) == 0

    def kill(self, number=signal.SIGKILL):
        """The whole session: rabbitmq-server is a script around the Erlang machine."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            self.process.wait(60)
            self.process = None


class Cluster(Servers):
    """As Servers; RabbitMQ is the cluster."""

    def __init__(self):
        super().__init__()
        self.nodes = []

    def up(self):
        super().up()
        if not self.nodes:
            (self.state / "cluster").mkdir()
            self.nodes = [Node(self, name) for name in NODES]
            subprocess.run(["chown", "-R", "rabbitmq:rabbitmq", self.state / "cluster"], check=True)
        for node in self.nodes:
            if node.process is None:
                node.start()
        wait_until(self.whole, 180, "three running nodes", every=0.5)

    def down(self):
        for node in self.nodes:
            node.kill()
        super().down()

    def whole(self):
        found = self.management("GET", "nodes")
        return len(found) == len(NODES) and all(node["running"] for node in found) and all(node.listens() for node in self.nodes)

    def live(self):
        return next((node for node in self.nodes if node.process is not None and node.listens()), self.nodes[0])

    def port(self, name):
        if name in ("amqp", "management") and self.nodes:
            return self.live().ports[name]
        return super().port(name)


class ClusterSite(Site):
    """A site whose programs know all nodes, or only `known` ones."""

    known = None

    def env(self, program, **more):
        env = super().env(program)
        hosts = ",".join(f"127.0.0.1:{node.ports['amqp']}" for node in self.known or self.servers.nodes)
        for name in ("ASSAY_AMQP_URL", "ASSAY_REPLY_AMQP_URL"):
            if name in env:
                env[name] = env[name].replace(env[name].split("@")[1].split("/")[0], hosts)
        env.update({name: str(value) for name, value in more.items()})
        return env

    def depth(self, queue):
        """Asked again where the node that was asked is just going down."""
        def asked():
            return Site.depth(self, queue) + 1
        return wait_until(asked, 60, f"the depth of {queue}", every=0.5) - 1
