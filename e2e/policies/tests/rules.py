"""What a ruleset does to the first packet of a connection, read from its text as the kernel would."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

NODE = "172.18.0.2"


def passes(ruleset: str, source: str, target: str, port: int, protocol: str = "tcp") -> bool:
    """Whether a connection from one address to another is let through; to NODE it takes the hook `input`."""
    chains = {name: [line for written in body.splitlines() if (line := written.split("#")[0].strip())]
              for name, body in re.findall(r"^  chain (\w+) \{(.*?)^  \}", ruleset, re.M | re.S)}  # fmt: skip
    packet = {"saddr": source, "daddr": target, "protocol": protocol, "port": str(port)}
    hook = "input" if target == NODE else "forward"
    return _verdict(chains, hook, packet) != "drop"


def _verdict(chains: dict[str, list[str]], name: str, packet: dict[str, str]) -> str:
    for line in chains[name]:
        *conditions, verdict = re.sub(r"\{.*?\}", lambda found: found[0].replace(" ", ""), line).split()
        if conditions[-1:] == ["jump"]:
            if _holds(conditions[:-1], packet) and _verdict(chains, verdict, packet) == "drop":
                return "drop"
        elif verdict in ("drop", "return") and _holds(conditions, packet):
            return verdict
    return "return"


def _holds(conditions: list[str], packet: dict[str, str]) -> bool:
    match conditions:
        case []:
            return True
        case ["ip", side, addresses, *rest]:
            among = any(IPv4Address(packet[side]) in IPv4Network(one) for one in addresses.strip("{}").split(","))
            return among and _holds(rest, packet)
        case ["meta", "l4proto", protocol, *rest]:
            return packet["protocol"] == protocol and _holds(rest, packet)
        case [protocol, "dport", ports]:
            first, _, last = ports.partition("-")
            return packet["protocol"] == protocol and int(first) <= int(packet["port"]) <= int(last or first)
        case ["ct", "state", "established,related"] | ["meta", "nfproto", "ipv6"] | ["type", *_]:
            return False
    raise AssertionError(f"no such match: {' '.join(conditions)}")
