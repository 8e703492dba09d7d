"""`python3 -m e2e.cluster COMMAND`: the driver behind `make up`, `make down`, `make test` and `make check`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from e2e.cluster import checks, daemon, demo, environment, images, kind, load, locks, operator, start, tests_run
from e2e.console import Failure, Steps


def up(arguments: argparse.Namespace) -> int:
    """a cluster with the operator, a control center for Makkah, and facility traffic"""
    steps = Steps(start.STEPS + 3)
    cluster = start.start(arguments.name, steps, port=kind.DASHBOARD_PORT)
    with steps.step("operator (Helm), and the `marsad` command in .venv/bin"):
        start.together(
            lambda: operator.install(cluster),
            lambda: environment.ensure("operator", images.wheels("operator")),
        )
    with steps.step("control center of Makkah"):
        demo.apply(cluster)
        demo.wait_ready(cluster, steps.say)
        address = demo.open_dashboard(cluster)
    with steps.step("facility traffic"):
        demo.play(cluster)
    print(f"\nready after {steps.total_seconds():.0f} s\n  dashboard   {address}")
    print(f"  look        .venv/bin/kubectl --context {cluster.context} get healthclusters,facilities -A")
    print("  stop        make down")
    return 0


def start_(arguments: argparse.Namespace) -> int:
    """a cluster with CloudNativePG and our images, without the operator"""
    steps = Steps(start.STEPS)
    cluster = start.start(arguments.name, steps, port=kind.DASHBOARD_PORT)
    print(f"cluster {cluster.name} is ready after {steps.total_seconds():.0f} s: context {cluster.context}")
    return 0


def operator_(arguments: argparse.Namespace) -> int:
    """build what changed, load it, and upgrade the operator in a running cluster"""
    names = images.build_all(_say)
    load.load(arguments.name, list(names.values()))
    operator.install(start.Cluster(arguments.name, names))
    print("\n".join(names.values()))
    return 0


def images_(arguments: argparse.Namespace) -> int:
    """build our images for the sources as they are, and print their names"""
    daemon.ensure()
    names = images.build_all(_say)
    if arguments.load:
        load.load(arguments.name, list(names.values()))
    print("\n".join(names.values()))
    return 0


def down(arguments: argparse.Namespace) -> int:
    """remove the cluster, and stop the Docker daemon if we started it and nothing else runs in it"""
    names = kind.names() if arguments.all else [arguments.name]
    for name in names:
        start.remove(name)
    print(f"removed: {', '.join(names) or 'nothing'}")
    if daemon.stop():
        print("stopped: the Docker daemon that was started for it")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """what runs, and where"""
    answers = daemon.answers()
    print(f"docker      {'runs' if answers else 'does not run'}{', started here' if daemon.ours() else ''}")
    alive = answers and kind.alive(arguments.name, patience=5)
    print(f"cluster     {arguments.name}: {'ready' if alive else 'not there'}")
    if alive and (port := kind.published_port(arguments.name)):
        print(f"dashboard   http://127.0.0.1:{port}")
        print(f"kubectl     .venv/bin/kubectl --context kind-{arguments.name}")
    return 0 if alive else 1


def test(arguments: argparse.Namespace) -> int:
    """everything that tests need, then pytest (further arguments are pytest's)"""
    return tests_run.run(arguments.rest)


def check(arguments: argparse.Namespace) -> int:
    """the quick checks: format, lint, types, layers, generated files, unit tests"""
    environment.ensure("dev")
    return checks.run_all()


def environment_(arguments: argparse.Namespace) -> int:
    """have .venv with the locked packages of a group (default: dev)"""
    environment.ensure(arguments.rest[0] if arguments.rest else "dev")
    return 0


def lock(arguments: argparse.Namespace) -> int:
    """lock Python's dependencies anew"""
    locks.write()
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "start": start_,
    "operator": operator_,
    "images": images_,
    "down": down,
    "status": status,
    "test": test,
    "check": check,
    "environment": environment_,
    "lock": lock,
}


def main() -> int:
    """Run one command; its exit code, with an error that says what to do on the error stream."""
    parser = argparse.ArgumentParser(prog="python3 -m e2e.cluster", description=__doc__)
    parsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        one = parsers.add_parser(name, help=command.__doc__, description=command.__doc__)
        one.add_argument("--name", default="marsad", help="the kind cluster (default: marsad)")
        if name == "images":
            one.add_argument("--load", action="store_true", help="load them into the cluster, too")
        if name == "down":
            one.add_argument("--all", action="store_true", help="every cluster that was made here")
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in {"test", "environment"}:
        parser.error(f"unknown: {' '.join(rest)}")
    arguments.rest = rest
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where dockerd and iptables are, also for a root whose PATH is a user's
    try:
        return COMMANDS[arguments.command](arguments)
    except Failure as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; run the same command again to go on where this one was\n")
        return 130


def _say(note: str) -> None:
    print(note, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
