"""The client against a real API server."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from e2e.apiserver import ApiServer
from marsad.core.kinds import Kind
from marsad.shell.client import Client
from marsad.shell.connection import Connection, NoCluster, connect, from_kubeconfig, in_cluster
from marsad.shell.errors import ApiError, Conflict, Forbidden, Gone, Invalid, NotFound, Overloaded, Unreachable
from marsad.shell.lease import NotLeader
from marsad.tests.shell.proxy import Proxy, problem

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets", metadata_only=True)


def config_map(namespace: str, name: str = "one", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name, "labels": {"test": namespace}},
        "data": data,
    }


class TestReading:
    async def test_a_long_list_is_read_page_by_page(self, client: Client, namespace: str, monkeypatch) -> None:
        monkeypatch.setattr("marsad.shell.client.PAGE", 3)
        for number in range(8):
            await client.create(CONFIG_MAP, config_map(namespace, f"c{number}"))
        listing = await client.list(CONFIG_MAP, selector=f"test={namespace}")
        assert [item["metadata"]["name"] for item in listing.items] == [f"c{number}" for number in range(8)]
        assert {(item["apiVersion"], item["kind"]) for item in listing.items} == {("v1", "ConfigMap")}

    async def test_a_list_whose_second_page_fails_fails_as_a_whole(self, apiserver, namespace, monkeypatch) -> None:
        monkeypatch.setattr("marsad.shell.client.PAGE", 1)
        async with Proxy(apiserver) as proxy, Client(proxy.connection) as client:
            for number in range(3):
                await client.create(CONFIG_MAP, config_map(namespace, f"c{number}"))
            proxy.fault = lambda request: problem(500, "disk") if "continue" in request.query else None
            with pytest.raises(ApiError, match="disk"):
                await client.list(CONFIG_MAP)

    async def test_a_watch_goes_on_from_the_list_and_says_what_changed(self, client: Client, namespace: str) -> None:
        listing = await client.list(CONFIG_MAP)
        live = await client.create(CONFIG_MAP, config_map(namespace, a="1"))
        await client.apply(CONFIG_MAP, config_map(namespace, a="2"))
        live = await client.get(CONFIG_MAP, namespace, "one")
        await client.delete(CONFIG_MAP, live)
        heard = []
        async with aclosing(client.watch(CONFIG_MAP, resource_version=listing.resource_version)) as events:
            async for event in events:
                if event.object["metadata"].get("namespace") == namespace:
                    heard.append((event.type, event.object.get("data")))
                if event.type == "DELETED":
                    break
        assert heard == [("ADDED", {"a": "1"}), ("MODIFIED", {"a": "2"}), ("DELETED", {"a": "2"})]

    @pytest.mark.parametrize("as_event", [True, False])
    async def test_a_watch_from_a_version_long_gone_raises_gone(self, apiserver: ApiServer, as_event: bool) -> None:
        def expired(_request: web.Request) -> web.Response:
            status = problem(410, "too old resource version", reason="Expired")
            return web.Response(text=f'{{"type":"ERROR","object":{status.text}}}\n') if as_event else status

        async with Proxy(apiserver, fault=expired) as proxy, Client(proxy.connection) as client:
            with pytest.raises(Gone, match="too old"):
                async for _event in client.watch(CONFIG_MAP, resource_version="1"):
                    pass

    async def test_a_secrets_value_is_never_answered(self, client: Client, namespace: str) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": namespace, "name": "s"},
            "stringData": {"password": "rosebud"},
        }
        listing = await client.list(CONFIG_MAP)
        seen = [await client.create(SECRET, secret), await client.get(SECRET, namespace, "s")]
        seen += (await client.list(SECRET)).items
        async with aclosing(client.watch(SECRET, resource_version=listing.resource_version)) as events:
            async for event in events:
                seen.append(event.object)
                break
        assert len(seen) >= 4
        for found in seen:
            assert (found["apiVersion"], found["kind"]) == ("v1", "Secret")
            assert not {"data", "stringData"} & found.keys()

    async def test_kinds_are_discovered(self, client: Client) -> None:
        assert {"Deployment", "StatefulSet"} <= await client.served("apps", "v1")
        assert await client.served("absent.example", "v1") == frozenset()


class TestWriting:
    async def test_an_apply_takes_a_field_from_whoever_has_it(self, client: Client, namespace: str) -> None:
        live = await client.create(CONFIG_MAP, config_map(namespace, a="theirs"))
        answer = await client.apply(CONFIG_MAP, config_map(namespace, a="ours"))
        assert (live["data"], answer["data"]) == ({"a": "theirs"}, {"a": "ours"})

    async def test_creating_what_exists_says_so(self, client: Client, namespace: str) -> None:
        await client.create(CONFIG_MAP, config_map(namespace))
        with pytest.raises(Conflict) as caught:
            await client.create(CONFIG_MAP, config_map(namespace))
        assert caught.value.exists

    async def test_a_patch_of_an_old_version_conflicts(self, client: Client, namespace: str) -> None:
        old = await client.create(CONFIG_MAP, config_map(namespace, a="1"))
        await client.apply(CONFIG_MAP, config_map(namespace, a="2"))
        version = {"resourceVersion": old["metadata"]["resourceVersion"]}
        with pytest.raises(Conflict):
            await client.patch(CONFIG_MAP, namespace, "one", {"metadata": version, "data": {"a": "3"}})

    async def test_only_the_very_object_that_was_seen_is_deleted(self, client: Client, namespace: str) -> None:
        first = await client.create(CONFIG_MAP, config_map(namespace))
        await client.delete(CONFIG_MAP, first)
        second = await client.create(CONFIG_MAP, config_map(namespace))
        with pytest.raises(Conflict):
            await client.delete(CONFIG_MAP, first, same_version=False)
        await client.apply(CONFIG_MAP, config_map(namespace, a="changed"))
        with pytest.raises(Conflict):
            await client.delete(CONFIG_MAP, second)
        await client.delete(CONFIG_MAP, second, same_version=False)
        await client.delete(CONFIG_MAP, second)  # gone already
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAP, namespace, "one")

    async def test_an_object_against_its_rules_is_invalid(self, client: Client, namespace: str) -> None:
        with pytest.raises(Invalid, match="Not A Name"):
            await client.create(CONFIG_MAP, config_map(namespace, "Not A Name"))

    async def test_a_closed_fence_lets_nothing_out(self, apiserver: ApiServer, namespace: str) -> None:
        def closed() -> None:
            raise NotLeader

        async with Proxy(apiserver) as proxy, Client(proxy.connection) as client:
            with pytest.raises(NotLeader):
                await client.create(CONFIG_MAP, config_map(namespace), guard=closed)
            assert proxy.seen == []

    async def test_a_fence_that_closes_before_the_bytes_leave_lets_nothing_out(self, apiserver, namespace) -> None:
        asked: list[None] = []

        def closing() -> None:
            asked.append(None)
            if len(asked) > 1:
                raise NotLeader

        async with Proxy(apiserver) as proxy, Client(proxy.connection) as client:
            with pytest.raises(NotLeader):
                await client.create(CONFIG_MAP, config_map(namespace), guard=closing)
            assert proxy.seen == []


class TestTrouble:
    async def test_a_pause_that_the_server_asks_for_is_kept(self, apiserver: ApiServer, namespace: str) -> None:
        busy = [problem(429, "busy", retry_after=1), problem(503, "starting", retry_after=0)]
        async with Proxy(apiserver, fault=lambda _request: busy.pop(0) if busy else None) as proxy:
            async with Client(proxy.connection) as client:
                await client.create(CONFIG_MAP, config_map(namespace))
            assert len(proxy.seen) == 3

    async def test_a_server_that_stays_busy_is_an_error(self, apiserver: ApiServer, namespace: str) -> None:
        busy = Proxy(apiserver, fault=lambda _request: problem(429, "busy", retry_after=0))
        async with busy as proxy, Client(proxy.connection) as client:
            with pytest.raises(Overloaded, match="busy"):
                await client.get(CONFIG_MAP, namespace, "one")

    async def test_no_answer_in_time_is_unreachable(self) -> None:
        async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0) as mute:
            port = mute.sockets[0].getsockname()[1]
            async with Client(Connection(f"http://127.0.0.1:{port}"), timeout=0.3) as client:
                with pytest.raises(Unreachable):
                    await client.get(CONFIG_MAP, "default", "one")

    async def test_nobody_listening_is_unreachable(self) -> None:
        async with Client(Connection("http://127.0.0.1:1")) as client:
            with pytest.raises(Unreachable):
                await client.get(CONFIG_MAP, "default", "one")

    async def test_an_identity_without_rights_is_forbidden(self, apiserver: ApiServer, namespace: str) -> None:
        body = {"metadata": {"name": "nobody"}}
        apiserver.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
        kubeconfig = apiserver.service_account_kubeconfig(namespace, "nobody")
        async with Client(from_kubeconfig(kubeconfig)) as client:
            with pytest.raises(Forbidden):
                await client.list(CONFIG_MAP)


class TestLogin:
    async def test_a_pods_token_is_read_again_when_it_has_rotated(self, apiserver, namespace, tmp_path) -> None:
        (tmp_path / "ca.crt").write_bytes((apiserver.folder / "server.crt").read_bytes())
        (tmp_path / "token").write_text("expired")
        host, port = apiserver.url.removeprefix("https://").split(":")
        environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        async with Client(in_cluster(environment, tmp_path)) as client:
            with pytest.raises(Forbidden):
                await client.list(CONFIG_MAP)
            (tmp_path / "token").write_text(apiserver.token + "\n")
            assert (await client.list(CONFIG_MAP)).resource_version

    def test_a_machine_without_a_cluster_is_told_what_to_set(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(NoCluster, match="KUBECONFIG"):
            connect({})

    def test_a_kubeconfig_with_a_client_certificate_is_read_with_its_current_context(self, apiserver, tmp_path) -> None:
        pair = [(apiserver.folder / name).read_bytes() for name in ("server.crt", "server.key")]
        certificate, key = (base64.b64encode(part).decode() for part in pair)
        cluster = {"server": "https://10.0.0.1:6443/", "certificate-authority-data": certificate}
        config = {
            "current-context": "second",
            "contexts": [
                {"name": "first", "context": {"cluster": "away", "user": "nobody"}},
                {"name": "second", "context": {"cluster": "here", "user": "admin"}},
            ],
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"client-certificate-data": certificate, "client-key-data": key}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        read = connect({"KUBECONFIG": str(tmp_path / "config")})
        assert read.server == "https://10.0.0.1:6443"
        assert [read.certificate, read.key] == pair
        assert read.ssl_context() is not None, "OpenSSL takes the pair"

    def test_a_login_by_plugin_is_refused_with_a_sentence(self, tmp_path) -> None:
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1"}}],
            "users": [{"name": "u", "user": {"exec": {"command": "cloud-login"}}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        with pytest.raises(NoCluster, match="plugin"):
            connect({"KUBECONFIG": str(tmp_path / "config")})
