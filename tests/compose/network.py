"""What an engine changes in the machine's network, and how to have it as before: bridges, rules, forwarding."""
import json
import pathlib
import re
import subprocess

TABLES = ("filter", "nat", "mangle")
FORWARDING = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
OURS = re.compile(r"DOCKER|docker|\bbr-[0-9a-f]{12}\b")


def rules(table):
    return subprocess.run(["iptables", "-w", "-t", table, "-S"], capture_output=True, text=True, check=False).stdout.splitlines()


def links():
    return {link["ifname"] for link in json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout)}


class Network:
    def __init__(self):
        self.rules = {table: rules(table) for table in TABLES}
        self.links = links()
        self.forwarding = FORWARDING.read_text(encoding="ascii")

    def left(self):
        """What there is beyond the beginning, as far as an engine makes such things."""
        return {"links": sorted(name for name in links() - self.links if OURS.search(name) or name.startswith("veth")),
                "rules": [f"{table}: {rule}" for table in TABLES for rule in rules(table) if rule not in self.rules[table] and OURS.search(rule)]}

    def restore(self):
        for table in TABLES:
            added = [rule for rule in rules(table) if rule not in self.rules[table]]
            for rule in added:
                if rule.startswith("-A ") and OURS.search(rule):
                    self.iptables(table, "-D " + rule[3:])
            for rule in added:
                if rule.startswith("-N ") and OURS.search(rule):
                    self.iptables(table, "-F " + rule[3:])
                    self.iptables(table, "-X " + rule[3:])
            for rule in self.rules[table]:
                if rule.startswith("-P "):
                    self.iptables(table, rule)
        for name in self.left()["links"]:
            subprocess.run(["ip", "link", "delete", name], check=False)
        FORWARDING.write_text(self.forwarding, encoding="ascii")

    @staticmethod
    def iptables(table, rule):
        subprocess.run(["iptables", "-w", "-t", table, *rule.split()], check=False)
