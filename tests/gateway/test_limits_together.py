"""Nobody uses more than allowed over two gateways and their Redis, in whatever order clients come, go, come
back at either gateway and use what they may, and whenever the counters in Redis are away."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from tests.cluster.harness import redis_options
from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import Gate, ScriptedRecognizer, ScriptedResponder, Stage, staged, windowed
from tests.gateway.limits.test_rate_limits import BEHIND_PROXY, known
from tests.observing import PATIENCE_S, until
from tests.redis_server import RedisServer
from voicegw.cluster.redis.connect import OneServer, close
from voicegw.cluster.redis.connect import connect as connect_redis
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.rates import rate_storage
from voicegw.cluster.sessions.store import RedisStore
from voicegw.core.commands import Acknowledge, Command
from voicegw.core.history_length import CHARACTERS_PER_TOKEN, characters_of
from voicegw.core.responder import Confirmation, ModelUsage, ReplyRequest
from voicegw.gateway.limits.quota import BLOCKS
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits, Resource
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.record import SessionRecord
from voicegw.gateway.session.runner import SessionRunner
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.telemetry import Metrics

USER_OPEN, ADDRESS_OPEN = 2, 3  # at each gateway
# So that each scope's limit is the first one that is reached with some resource: of messages a user's or an
# address's, of audio a session's.
ALLOWED = {
    "session": {Resource.MESSAGES: 200, Resource.AUDIO_SECONDS: 2, Resource.MODEL_TOKENS: 700},
    "user": {
        Resource.CONNECTIONS: 5,
        Resource.MESSAGES: 40,
        Resource.AUDIO_SECONDS: 8,
        Resource.MODEL_TOKENS: 300,
    },
    "address": {
        Resource.CONNECTIONS: 8,
        Resource.MESSAGES: 60,
        Resource.AUDIO_SECONDS: 12,
        Resource.MODEL_TOKENS: 450,
    },
}
EXAMPLE_S = 60.0
AT_ONCE = 2  # clients that do something at the same time
GATEWAYS = 2
ONCE = {Resource.MESSAGES: 20, Resource.AUDIO_SECONDS: 1, Resource.MODEL_TOKENS: 250}  # used in one go
TALK = b"\x11\x22" * 3_200  # 200 ms
CANCEL = '{"type":"cancel"}'
TYPED = json.dumps({"type": "text", "text": "x" * 100})


def limit_options() -> LimitOptions:
    rates = {
        f"{scope}_{resource.value}": f"{amount}/hour"
        for scope, amounts in ALLOWED.items()
        for resource, amount in amounts.items()
    }
    return LimitOptions(**rates, user_open=USER_OPEN, address_open=ADDRESS_OPEN)  # type: ignore[arg-type]


@dataclass
class Ledger:
    """What has really been used, by scope, name and resource."""

    used: Counter[tuple[str, str, Resource]] = field(default_factory=Counter)
    taken = sent = settling = 0  # messages and frames that were looked at, and sent; reports on their way
    returns: Counter[str] = field(default_factory=Counter)  # of each session

    def add(self, host: SessionRunner, resource: Resource, cost: float) -> None:
        for scope, name in (("session", host.name), ("user", host.user), ("address", host.seat.address)):
            self.used[scope, name, resource] += cost  # type: ignore[assignment]

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Notes what sessions are given of messages and audio, and what they ask the model."""
        begin, obey, hear = SessionRunner.__init__, SessionRunner.receive_command, SessionRunner.receive_audio

        def begun(host: SessionRunner, record: SessionRecord, services: Services, *others: Any) -> None:
            begin(host, record, services, *others)
            assert isinstance(services.responder, Model)
            services.responder.hosts[host.name] = host

        def obeyed(host: SessionRunner, command: Command) -> None:
            if not isinstance(command, Acknowledge):  # which none of the clients sends, but their coming back
                self.add(host, Resource.MESSAGES, 1)
            obey(host, command)

        def heard(host: SessionRunner, audio: bytes, now: float) -> None:
            if any(audio):
                self.add(host, Resource.AUDIO_SECONDS, len(audio) / 32_000)
            hear(host, audio, now)

        admit_message, admit_audio, settle = (
            SessionLimiter.admit_message,
            SessionLimiter.admit_audio,
            SessionLimiter.report,
        )

        def message_admitted(meter: SessionLimiter, now: float) -> bool:
            self.taken += 1
            return admit_message(meter, now)

        def audio_admitted(meter: SessionLimiter, size: int, now: float) -> bool:
            self.taken += 1
            return admit_audio(meter, size, now)

        async def settled(meter: SessionLimiter, now: float) -> None:
            self.settling += 1
            try:
                await settle(meter, now)
            finally:
                self.settling -= 1

        monkeypatch.setattr(SessionLimiter, "admit_message", message_admitted)
        monkeypatch.setattr(SessionLimiter, "admit_audio", audio_admitted)
        monkeypatch.setattr(SessionLimiter, "report", settled)
        monkeypatch.setattr(SessionRunner, "__init__", begun)
        monkeypatch.setattr(SessionRunner, "receive_command", obeyed)
        monkeypatch.setattr(SessionRunner, "receive_audio", heard)


@dataclass
class Model(ScriptedResponder):
    """Reasons and answers, for 100 tokens beside the prompt. hosts: of the sessions that ask it."""

    ledger: Ledger = field(default_factory=Ledger)
    hosts: dict[str, SessionRunner] = field(default_factory=dict)

    async def respond(  # type: ignore[override]
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[str | ModelUsage, None]:
        host = self.hosts[request.session]
        self._add(host, characters_of(request.messages) / CHARACTERS_PER_TOKEN)
        for _ in range(2):
            self._add(host, 25)
            yield ModelUsage(hidden=25 * CHARACTERS_PER_TOKEN)
            await asyncio.sleep(0.003)
            self._add(host, 25)
            yield "y" * 25 * CHARACTERS_PER_TOKEN

    def _add(self, host: SessionRunner, tokens: float) -> None:
        self.ledger.add(host, Resource.MODEL_TOKENS, tokens)


@dataclass
class Gateways:
    """Two gateways with a Redis for their sessions, and one for their counters."""

    stages: list[Stage]
    counting: RedisServer
    ledger: Ledger
    examples: int = 0

    @property
    def limits(self) -> list[Limits]:
        return [stage.gateway._access.limits for stage in self.stages]

    def alone(self) -> float:
        """How often gateways have begun to count by themselves."""
        return sum(stage.value("limits_unshared_total") or 0 for stage in self.stages)

    def count_together(self) -> None:
        """No gateway waits before it asks the counters in Redis again."""
        for each in self.limits:
            each._shared_again_at = 0.0

    def quiet(self) -> bool:
        """Whether nobody is here, and all that was used is reported."""
        held = [stage.gateway.sessions for stage in self.stages]
        return not (self.ledger.settling or any(map(len, held)) or any(len(each.seats) for each in held))

    async def counted(self, scope: str, name: str, resource: Resource) -> int:
        """What the counters say, those of each gateway and those in Redis together."""
        [rate] = self.limits[0]._rates[scope][resource]
        key = rate.key_for(scope, name, resource.value)
        shared = self.limits[0]._shared
        assert shared is not None
        alone = [await each._local.storage.get(key) for each in self.limits]
        return sum(alone) + await shared.storage.get(key)


@asynccontextmanager
async def gateways(directory: Path, ledger: Ledger) -> AsyncIterator[Gateways]:
    async with AsyncExitStack() as stack:
        servers = []
        for name in ("sessions", "counters"):
            (directory / name).mkdir()
            servers.append(RedisServer(directory / name))
            servers[-1].start()
            stack.callback(servers[-1].kill)
        stages = [
            await stack.enter_async_context(gateway(servers[0], servers[1], ledger)) for _ in range(GATEWAYS)
        ]
        yield Gateways(stages, servers[1], ledger)


@asynccontextmanager
async def gateway(sessions: RedisServer, counters: RedisServer, ledger: Ledger) -> AsyncIterator[Stage]:
    clients = [connect_redis(redis_options(server.url)) for server in (sessions, counters)]
    store = RedisStore(OneServer(clients[0]), Keys("test"), live_ms=60_000)
    gate = Gate(BEHIND_PROXY, OPTIONS, limit_options(), counters=rate_storage(clients[1], Keys("test")))

    model = Model(ledger=ledger)
    services = Services(windowed(ScriptedRecognizer()), model, Metrics(), store=store)
    try:
        async with staged(gate=gate, services=services, resume=ResumeOptions(), max_sessions=50) as stage:
            yield stage
    finally:
        await store.close()
        for client in clients:
            await close(client)


clients = st.tuples(st.integers(0, GATEWAYS - 1), st.sampled_from("ab"), st.sampled_from("yz"))
connects = st.tuples(st.just("connect"), clients)
returns = st.tuples(st.just("resume"), clients, st.integers(0, 5))  # for which of the sessions
uses = st.tuples(st.sampled_from(["messages", "type", "talk"]), st.integers(0, 5), st.integers(1, 5))
ends = st.tuples(st.sampled_from(["reset", "leave", "end", "refresh"]), st.integers(0, 5))
troubles = st.tuples(st.sampled_from(["cut", "away", "back", "back"]))
often = [connects, returns, uses, uses]
doings = st.one_of(*often, *often, *often, ends, ends, troubles)
batches = st.lists(st.lists(doings, min_size=1, max_size=AT_ONCE), min_size=3, max_size=7)
FIRST = [[("connect", (0, "a", "y")), ("connect", (1, "a", "z"))], [("connect", (0, "b", "z"))]]


@dataclass
class ClientGroup:
    """The clients of one example."""

    gateways: Gateways
    stack: AsyncExitStack
    number: int
    sessions: list[str] = field(default_factory=list)
    sockets: list[ClientConnection] = field(default_factory=list)
    away: bool = False
    troubled: bool = False
    joins: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def do(self, step: tuple[Any, ...]) -> None:
        """What one client does, or Redis; that it is refused, or that it has gone already, is well."""
        with suppress(InvalidStatus, ConnectionClosed):
            match step:
                case ("connect", client):
                    await self.join("", *client)
                case ("resume", client, which) if self.sessions:
                    session = self.sessions[which % len(self.sessions)]
                    await self.join(f"session={session}&epoch=1&last_seq=1", *client)
                    self.gateways.ledger.returns[session] += 1
                case ("cut",) if not self.away:
                    self.gateways.counting.command("client", "kill", "type", "normal")
                case ("away",) if not self.away:
                    self.gateways.counting.pause()
                    self.away = True
                case ("back",):
                    self.come_back()
                case (doing, which) if socket := self.socket(which):
                    await self.go_on(doing, socket)
                case (doing, which, times) if socket := self.socket(which):
                    for _ in range(times):
                        if not await self.use(doing, socket):
                            break

    def socket(self, which: int) -> ClientConnection | None:
        """One of the sockets, unless it is closing; sending would then wait for the end of the closing."""
        socket = self.sockets[which % len(self.sockets)] if self.sockets else None
        return socket if socket is not None and socket.state is State.OPEN else None

    async def join(self, query: str, place: int, user: str, address: str) -> None:
        user = f"{user}{self.number}"
        address = f"198.18.{self.number // 100}.{2 * (self.number % 100) + (address == 'y')}"
        url = f"{self.gateways.stages[place].url}?{query}"
        socket = await self.stack.enter_async_context(
            # It reads all that comes, so that it notices when the gateway closes it.
            connect(url, proxy=None, compression=None, max_queue=None, **known(address, sub=user))
        )
        self.joins["user", user] += 1
        self.joins["address", address] += 1
        while '"ready"' not in (message := await asyncio.wait_for(socket.recv(decode=True), PATIENCE_S)):
            pass
        self.sockets.append(socket)
        if (session := json.loads(message)["session"]) not in self.sessions:
            self.sessions.append(session)

    async def use(self, what: str, socket: ClientConnection) -> bool:
        """Some messages or audio at once, or a question. Whether they have been counted, and not been lost
        with their connection."""
        match what:
            case "messages":
                sent: Sequence[str | bytes] = [CANCEL] * ONCE[Resource.MESSAGES]
            case "talk":
                sent = [TALK] * 5 * ONCE[Resource.AUDIO_SECONDS]
            case _:
                sent = [TYPED]
        ledger = self.gateways.ledger
        for each in sent:
            await socket.send(each)
            ledger.sent += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                while ledger.settling or ledger.taken < ledger.sent:
                    if socket.state is not State.OPEN:
                        raise TimeoutError
                    await asyncio.sleep(0.002)
        except TimeoutError:
            ledger.sent = ledger.taken
            return False
        return True

    async def go_on(self, doing: str, socket: ClientConnection) -> None:
        match doing:
            case "reset":
                socket.transport.abort()
            case "leave":
                await socket.close()
            case "end":
                await socket.send('{"type":"end"}')
            case _:
                await socket.send(json.dumps({"type": "refresh", "token": token(sub=f"a{self.number}")}))

    def come_back(self) -> None:
        if self.away:
            self.gateways.counting.resume()
            self.gateways.count_together()
            self.away = False

    def check(self) -> None:
        """Nobody has more than allowed, within what is not reported yet and what is on its way; while the
        counters are away, at each gateway."""
        for stage in self.gateways.stages:
            hosts = [host for host in stage.gateway.sessions if not host.ended.is_set()]
            assert all(count <= USER_OPEN for count in Counter(host.user for host in hosts).values())
            seats = Counter(host.seat.address for host in hosts)
            assert all(count <= ADDRESS_OPEN for count in seats.values())
        times = 1 + GATEWAYS * self.troubled
        for (scope, name), count in self.joins.items():
            assert count <= times * ALLOWED[scope][Resource.CONNECTIONS], (scope, name)
        for (scope, name, resource), used in self.gateways.ledger.used.items():
            open_at_once = GATEWAYS * (USER_OPEN if scope == "user" else ADDRESS_OPEN)
            connections = min(open_at_once, self.joins[scope, name])
            slack = AT_ONCE * ONCE[resource] + connections * BLOCKS[resource]
            if scope == "session":
                slack = (1 + self.gateways.ledger.returns[name]) * (ONCE[resource] + BLOCKS[resource])
            allowed = ALLOWED[scope][resource] * (1 if scope == "session" else times)
            assert used <= allowed + slack, (scope, name, resource, used)

    async def leave(self) -> None:
        """Everybody goes; whatever was used has then been counted somewhere."""
        self.come_back()
        for socket in self.sockets:
            socket.transport.abort()
        for stage in self.gateways.stages:
            for host in stage.gateway.sessions:
                host.finish(None)
        await until(self.gateways.quiet)
        counted, used = Counter[Any](), Counter[Any]()
        for (scope, name, resource), cost in self.gateways.ledger.used.items():
            used[_counter(scope, name, resource)] += cost
        for scope, name in self.joins:
            for resource in ONCE:
                counted[_counter(scope, name, resource)] += await self.gateways.counted(scope, name, resource)
        for whose, count in counted.items():
            assert count >= int(used[whose]), whose


def _counter(scope: str, name: str, resource: Resource) -> tuple[str, str, Resource]:
    """Addresses are taken together: a session may have come to another one while its older connection was
    still in use."""
    return scope, "" if scope == "address" else name, resource


async def play(gateways: Gateways, doings: list[list[tuple[Any, ...]]]) -> None:
    gateways.examples += 1
    gateways.ledger.used.clear()
    gateways.ledger.returns.clear()
    gateways.count_together()
    alone = gateways.alone()
    async with AsyncExitStack() as stack:
        group = ClientGroup(gateways, stack, gateways.examples)
        try:
            for batch in (*FIRST, *doings):
                await asyncio.gather(*map(group.do, batch))
                group.troubled = group.troubled or gateways.alone() > alone
                group.check()
        finally:
            group.come_back()
        await group.leave()


@pytest.fixture
def together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[asyncio.Runner, Gateways]]:
    """Two gateways for all examples, and the loop that they run in."""
    monkeypatch.setattr("voicegw.gateway.limits.rate_limits._STORAGE_S", 0.1)
    monkeypatch.setattr("voicegw.gateway.limits.rate_limits._RETRY_STORAGE_S", 0.1)
    monkeypatch.setattr("voicegw.gateway.server.CLOSE_S", 0.1)  # not all clients answer
    ledger = Ledger()
    ledger.watch(monkeypatch)
    with asyncio.Runner() as runner:
        running = gateways(tmp_path, ledger)
        yield runner, runner.run(running.__aenter__())
        runner.run(asyncio.wait_for(running.__aexit__(None, None, None), EXAMPLE_S))


def test_no_order_of_events_at_two_gateways_gives_more_than_allowed(
    together: tuple[asyncio.Runner, Gateways],
) -> None:
    runner, both = together

    @settings(max_examples=300, derandomize=True, database=None, phases=[Phase.generate])
    @given(batches)
    def check(doings: list[list[tuple[Any, ...]]]) -> None:
        runner.run(asyncio.wait_for(play(both, doings), EXAMPLE_S))

    check()
