"""Fixtures for all tests: a real API server, our CRDs and CloudNativePG's in it, and fresh namespaces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from e2e import crds as definitions
from e2e.apiserver import ApiServer
from e2e.apiserver import apiserver as start_apiserver

STORIES = "e2e/kind/"

# Other tests and other people share the machine: how long an example takes says nothing about the code. The same code
# is tried with the same examples, so that no run fails by what it drew; `--hypothesis-profile=seeking` draws others.
_busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("marsad", _busy, derandomize=True)
settings.register_profile("seeking", _busy)
settings.load_profile("marsad")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses an API server, the shared one or its own, is marked so; nobody has to remember."""
    for item in items:
        if {"apiserver", "without_engine", "newer_world"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("apiserver")


class _OneClusterScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Whole files to the workers of pytest-xdist, and all stories on kind to the same one: they share the cluster."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return STORIES if file.startswith(STORIES) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """The scheduler for `pytest -n`."""
    return _OneClusterScheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures that tests saw and do not assert, such as seconds to Ready."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [f"{value}  ({report.location[2]})" for report in reports for name, value in report.user_properties
             if name == "measured"]  # fmt: skip
    if lines:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def apiserver() -> Iterator[ApiServer]:
    """A kube-apiserver with RBAC and no controllers; one for each worker of pytest-xdist."""
    with start_apiserver() as server:
        yield server


@pytest.fixture
def namespace(apiserver: ApiServer) -> str:
    """The name of a namespace that nothing else uses."""
    return apiserver.create_namespace()


@pytest.fixture(scope="session")
def crds(apiserver: ApiServer) -> ApiServer:
    """The API server with our kinds in it."""
    definitions.install(apiserver, definitions.ours())
    return apiserver


@pytest.fixture(scope="session")
def cnpg_crds(apiserver: ApiServer) -> ApiServer:
    """The API server with CloudNativePG's kinds in it, and no operator behind them."""
    definitions.install(apiserver, definitions.cloudnative_pg())
    return apiserver
