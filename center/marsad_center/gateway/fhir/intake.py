"""FHIR on the ports of HTTP: reads a request within bounds, has it judged and stored, answers after the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as Path_

from marsad_center.gateway.fhir import answers, counters, judging
from marsad_center.gateway.fhir.answers import MEDIA_TYPE, Answered
from marsad_center.gateway.fhir.bundle import Asked, asked_for
from marsad_center.gateway.fhir.capability import statement
from marsad_center.gateway.fhir.faults import Issue
from marsad_center.gateway.fhir.judging import Arrival
from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.gateway.fhir.negotiation import refusal
from marsad_center.gateway.fhir.receiving import FhirInbound
from marsad_center.gateway.fhir.validating import SERVED, TYPES
from marsad_center.gateway.room import Room
from marsad_center.gateway.route import Road, Routes
from marsad_center.gateway.storing import Outcome
from marsad_center.gateway.writer import NotStored, Writer

_AGAIN_SECONDS = 5
_TOGETHER = 64  # entries of a batch that are queued at once: they share their commit


class _Refused(Exception):
    """The request is answered at once; nothing of it is kept."""

    def __init__(self, status: int, code: str, diagnostics: str, *, close: bool = False) -> None:
        super().__init__(diagnostics)
        self.status, self.issue, self.close = status, Issue(code, diagnostics), close


class _TooLong(Exception):
    """The body goes on beyond its limit. `size`: as declared, or as far as it was read."""

    def __init__(self, head: bytes, size: int) -> None:
        super().__init__("the body is too long")
        self.head, self.size = head, size


class Intake:
    """`routes` gives the registry of the moment, None while there is none yet."""

    def __init__(self, writer: Writer, limits: FhirLimits, routes: Callable[[], Routes | None]) -> None:
        self._writer, self._limits, self._routes = writer, limits, routes
        self._room = Room(limits.room)
        self._open: set[asyncio.Task[object]] = set()
        self._stopping = False

    def paths(self) -> list[Path_]:
        """What is served below /fhir; all else there gets an OperationOutcome, too."""
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        return [
            Path_("/fhir/metadata", self._metadata, methods=methods),
            Path_("/fhir", self._bundle, methods=methods),
            Path_("/fhir/", self._bundle, methods=methods),
            Path_("/fhir/{rest:path}", self._resource, methods=methods),
        ]

    async def drain(self) -> None:
        """Take nothing more, and let what was taken be answered."""
        self._stopping = True
        if self._open:
            await asyncio.wait(set(self._open), timeout=self._limits.stop_seconds)

    async def _metadata(self, request: Request) -> Response:
        async def answer() -> Response:
            if request.method not in ("GET", "HEAD"):
                raise _Refused(405, "not-supported", "GET /fhir/metadata is the only interaction here")
            return _document(200, answers.written(statement(self._limits)))

        return await self._answered("capabilities", answer)

    async def _bundle(self, request: Request) -> Response:
        async def answer() -> Response:
            if request.method != "POST":
                raise _Refused(405, "not-supported", "POST a Bundle of type transaction or batch here")
            return await self._taken(request, judging.bundle)

        return await self._answered("bundle", answer)

    async def _resource(self, request: Request) -> Response:
        rest = str(request.path_params["rest"])
        type_ = rest.partition("/")[0]

        async def answer() -> Response:
            if type_ not in TYPES:
                raise _Refused(404, "not-supported", f"nothing is served here: taken are {SERVED}")
            # Of how the answer is wanted (_format, _pretty...) the header Accept decides.
            query = "&".join(part for part in request.url.query.split("&") if not part.startswith("_"))
            asked = asked_for(request.method, f"{rest}?{query}" if query else rest, type_)
            if asked is None:
                text = "served are POST [type], PUT [type]/[id] and PUT [type]?identifier=[system]|[value]"
                raise _Refused(405, "not-supported", text)
            found: Asked = asked
            return await self._taken(request, lambda arrival: judging.resource(arrival, type_, found))

        return await self._answered("update" if request.method == "PUT" else "create", answer)

    # ---------------------------------------------------------------------------------------------- answering

    async def _answered(self, interaction: str, answer: Callable[[], Awaitable[Response]]) -> Response:
        task = asyncio.current_task()
        assert task is not None
        began = time.monotonic()
        self._open.add(task)
        try:
            response = await answer()
        except _Refused as refused:
            response = _document(refused.status, answers.written(answers.outcome([refused.issue])))
            if refused.status == 405:
                response.headers["allow"] = "POST, PUT"
            if refused.status == 503:
                response.headers["retry-after"] = str(_AGAIN_SECONDS)
            if refused.close:
                response.headers["connection"] = "close"
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it
        finally:
            self._open.discard(task)
        counters.REQUESTS.labels(interaction, str(response.status_code)).inc()
        counters.SECONDS.observe(time.monotonic() - began)
        return response

    async def _taken(self, request: Request, judge: Callable[[Arrival], FhirInbound | list[FhirInbound]]) -> Response:
        found = refusal(request.headers)
        if found is not None:
            raise _Refused(*found)
        routes = self._routes()
        if routes is None or self._stopping:
            raise _Refused(503, "transient", "the gateway is not ready: send it again")
        routes = routes.over(Road("FHIR", request.state.shown))
        owner = object()
        try:
            judged = await self._read_and_judge(request, owner, routes, judge)
            return await self._stored(judged)
        except NotStored:
            text = "it could not be stored now, and was not: send it again"
            raise _Refused(503, "transient", text) from None
        finally:
            self._room.leave(owner)

    async def _read_and_judge(
        self,
        request: Request,
        owner: object,
        routes: Routes,
        judge: Callable[[Arrival], FhirInbound | list[FhirInbound]],
    ) -> FhirInbound | list[FhirInbound]:
        peer = request.client.host if request.client is not None else "local"
        headers = {name.lower(): value for name, value in request.headers.items()}

        def arrival(body: bytes) -> Arrival:
            return Arrival(body, headers, peer, datetime.now(UTC), routes, self._limits.entries)

        try:
            body = await self._body(request, owner)
        except _TooLong as error:
            return judging.too_long(arrival(error.head), error.size, self._limits.body)
        counters.BYTES.inc(len(body))
        return judge(arrival(body))

    async def _stored(self, judged: FhirInbound | list[FhirInbound]) -> Response:
        if isinstance(judged, FhirInbound):
            entries = len(judged.entries or ())
            counters.ENTRIES.inc(entries)
            (outcome,) = await (await self._writer.submit([judged]))
            if outcome is None:
                raise NotStored
            return _single(judged, outcome)
        counters.ENTRIES.inc(len(judged))
        groups = [judged[at : at + _TOGETHER] for at in range(0, len(judged), _TOGETHER)]
        if _twice(judged):  # of one thing: they must come in the order in which they stand
            outcomes = [outcome for group in groups for outcome in await (await self._writer.submit(group))]
        else:
            futures = [await self._writer.submit(group) for group in groups]
            outcomes = [outcome for group in await asyncio.gather(*futures) for outcome in group]
        said = [_entry(one, outcome) for one, outcome in zip(judged, outcomes, strict=True)]
        return _document(200, answers.response("batch-response", said))

    # ------------------------------------------------------------------------------------------------ reading

    async def _body(self, request: Request, owner: object) -> bytes:
        """The body. Raises _TooLong, _Refused when it stalls or finds no room, ClientDisconnect."""
        declared = request.headers.get("content-length", "")
        expected = int(declared) if declared.isdigit() else 0
        deadline = asyncio.get_running_loop().time() + self._limits.body_seconds
        pieces: list[bytes] = []
        size = 0
        stream = request.stream()
        while True:
            try:
                now = asyncio.get_running_loop().time()
                async with asyncio.timeout(min(self._limits.piece_seconds, deadline - now)):
                    piece = await anext(stream, b"")
            except TimeoutError:
                raise _Refused(408, "timeout", "the body did not come in time: send it again", close=True) from None
            if not piece:
                return b"".join(pieces)
            size += len(piece)
            pieces.append(piece)
            enough = size >= min(self._limits.kept, self._limits.body)
            if size > self._limits.body or (expected > self._limits.body and enough):
                raise _TooLong(b"".join(pieces)[: self._limits.kept], max(size, expected))
            if size > self._limits.kept:
                await self._hold(owner, size)

    async def _hold(self, owner: object, size: int) -> None:
        try:
            async with asyncio.timeout(self._limits.room_seconds):
                await self._room.hold(owner, size)
        except TimeoutError:
            text = "too many large bodies at once: send it again"
            raise _Refused(503, "throttled", text, close=True) from None


def _twice(judged: Sequence[FhirInbound]) -> bool:
    """Whether two entries of a batch say something of one thing."""
    things = [(*each.key[:2], thing) for each in judged for thing in each.things]
    return len(set(things)) < len(things)


def _single(inbound: FhirInbound, outcome: Outcome) -> Response:
    status = int(outcome.code or 500)
    response = _document(status, outcome.ack)
    if status < 300 and inbound.entries is None:
        if inbound.said.location:
            response.headers["location"] = f"/fhir/{inbound.said.location}"
        if inbound.said.etag:
            response.headers["etag"] = inbound.said.etag
    if status == 413:
        response.headers["connection"] = "close"
    return response


def _entry(inbound: FhirInbound, outcome: Outcome | None) -> Answered:
    """One entry of a batch: what is stored is stored, whatever became of the others."""
    if outcome is None:
        issue = Issue("transient", "it could not be stored now, and was not: send it again")
        return Answered(503, outcome=answers.written(answers.outcome([issue])))
    status = int(outcome.code or 500)
    if status < 300:
        return Answered(status, inbound.said.location, inbound.said.etag, outcome.ack)
    return Answered(status, outcome=outcome.ack)


def _document(status: int, body: bytes) -> Response:
    return Response(body, status_code=status, media_type=f"{MEDIA_TYPE}; fhirVersion=4.0")
