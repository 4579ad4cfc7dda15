"""A network between the programs and the servers that can fail: the programs run in a network namespace of their own, a veth pair
leads to this one, and a relay there to the servers, which listen on the loopback alone.

Rules and queueing disciplines are set inside the programs' namespace: the machine's own firewall is not touched.
"""
import asyncio
import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
import threading

NAMESPACES = pathlib.Path("/run/netns")


class Unavailable(Exception):
    """This machine cannot do it, and why."""


def _run(*words):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


class Network:
    """`ports`: of the servers on the loopback. Raises Unavailable."""

    def __init__(self, ports):
        if os.geteuid() != 0:
            raise Unavailable("making network namespaces needs root")
        for tool in ("ip", "tc", "nft", "nsenter"):
            if not shutil.which(tool):
                raise Unavailable(f"there is no program {tool}")
        self.name = "assay-" + secrets.token_hex(4)
        self.ports = ports
        self.troubled = False
        # 198.18.0.0/15 is for benchmarking (RFC 2544): nobody's network.
        base = f"198.18.{secrets.randbelow(256)}."
        first = 4 * secrets.randbelow(64)
        self.outside, self.inside = f"{base}{first + 1}", f"{base}{first + 2}"
        self.before = ["nsenter", f"--net={NAMESPACES / self.name}"]
        self._relay = None
        try:
            self._make()
            self._relay = Relay(self.outside, ports)
        except BaseException:
            self.close()
            raise

    def _make(self):
        outer, inner = self.name[6:] + "o", self.name[6:] + "i"
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self.name)
        _run("ip", "address", "add", f"{self.outside}/30", "dev", outer)
        _run("ip", "link", "set", outer, "up")
        self._within("ip", "address", "add", f"{self.inside}/30", "dev", inner)
        self._within("ip", "link", "set", inner, "up")
        self._within("ip", "link", "set", "lo", "up")
        self._within("nft", "add table inet faults; add chain inet faults in { type filter hook input priority 0; };"
                            "add chain inet faults out { type filter hook output priority 0; }")
        self._device = inner

    def _within(self, *words):
        _run(*self.before, *words)

    def address(self, text):
        """A URL or an environment's value as the programs in the namespace have to know it."""
        for port in self.ports:
            text = text.replace(f"127.0.0.1:{port}", f"{self.outside}:{port}")
        return text

    # -- what may happen ---------------------------------------------------------------------------------------------------

    def _rules(self, ports, verdict):
        some = "{ " + ", ".join(map(str, ports)) + " }"
        self._within("nft", f"add rule inet faults out tcp dport {some} {verdict}; add rule inet faults in tcp sport {some} {verdict}")

    def stall(self, ports):
        """Nothing arrives, in neither direction, and nobody is told."""
        self._rules(ports, "drop")

    def cut(self, ports):
        """Whoever sends is told that the connection is gone."""
        self._rules(ports, "reject with tcp reset")

    def lose(self, ports, percent):
        self._rules(ports, f"numgen random mod 100 < {percent} drop")

    def slow(self):
        """300 ms more each way where the kernel has netem, else 200 kbit/s."""
        try:
            self._within("tc", "qdisc", "add", "dev", self._device, "root", "netem", "delay", "300ms", "100ms")
        except Unavailable:
            self._within("tc", "qdisc", "add", "dev", self._device, "root", "tbf", "rate", "200kbit", "burst", "16kb", "latency", "2s")

    def heal(self):
        self._within("nft", "flush table inet faults")
        with contextlib.suppress(Unavailable):
            self._within("tc", "qdisc", "del", "dev", self._device, "root")

    def close(self):
        if self._relay is not None:
            self._relay.close()
        if (NAMESPACES / self.name).exists():
            _run("ip", "netns", "delete", self.name)


class Relay:
    """From an address to the same ports of the loopback; it goes on while a server is away."""

    def __init__(self, address, ports):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for port in ports:
            asyncio.run_coroutine_threadsafe(self._listen(address, port), self._loop).result(10)

    @staticmethod
    async def _copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def _listen(self, address, port):
        async def accepted(reader, writer):
            try:
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.transport.abort()
                return
            await asyncio.gather(self._copy(reader, to_writer), self._copy(to_reader, writer))
        await asyncio.start_server(accepted, address, port)

    def close(self):
        async def cancel():
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
