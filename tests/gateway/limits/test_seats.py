"""Nobody holds more sessions than allowed, in whatever order clients come, go and come back."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway.auth.test_access import answer
from tests.gateway.auth.test_authenticator import OPTIONS, bearer, token
from tests.gateway.fakes import Gate, Stage, staged
from tests.gateway.limits.test_rate_limits import BEHIND_PROXY, known
from tests.gateway.session.test_resume import cut, session_of
from tests.observing import PATIENCE_S, until
from tests.peer import Peer, joined
from tests.virtual_clock import VirtualClock
from voicegw.core.profile import SessionProfile
from voicegw.core.session_store import NullStore, StoredSession
from voicegw.dialects import native
from voicegw.dialects.port import Opening, Resume
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.session.session_factory import SessionRequest

pytestmark = pytest.mark.usefixtures("virtual_clock")

HERE, THERE = "203.0.113.7", "203.0.113.8"


@dataclass
class SlowStore(NullStore):
    """Knows no session, after a while; `most`: how often it was asked at once."""

    wait_s: float = 0.05
    asked = most = 0

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        self.asked += 1
        self.most = max(self.most, self.asked)
        await asyncio.sleep(self.wait_s)
        self.asked -= 1
        return None


def gate(**limits: Any) -> Gate:
    return Gate(access=BEHIND_PROXY, tokens=OPTIONS, limits=LimitOptions(address_connections=None, **limits))


async def arrived(stage: Stage, stack: AsyncExitStack, *calls: dict[str, Any], query: str = "") -> list[Peer]:
    """Those who are let in, of many who come at once."""
    joining = (stack.enter_async_context(joined(stage.url, query, **call)) for call in calls)
    came = await asyncio.gather(*joining, return_exceptions=True)
    assert all(isinstance(each, Peer | InvalidStatus | ConnectionClosed) for each in came), came
    return [each for each in came if isinstance(each, Peer)]


async def detached(stage: Stage, stack: AsyncExitStack, **call: Any) -> Peer:
    """A client that was cut off."""
    waiting = stage.value("sessions_detached") or 0
    peer = await stack.enter_async_context(joined(stage.url, **call))
    cut(peer)
    await until(lambda: stage.value("sessions_detached") == waiting + 1)
    return peer


@pytest.mark.parametrize("query", ["", "session=nobody", "session=nobody&epoch=100000000000000"])
@pytest.mark.parametrize(
    ("limits", "max_sessions", "most"),
    [({}, 5, 5), ({"user_open": 2}, 40, 2), ({"address_open": 3}, 40, 3)],
)
async def test_many_clients_at_once_hold_no_more_than_allowed(
    limits: dict[str, int], max_sessions: int, most: int, query: str
) -> None:
    store = SlowStore()
    async with (
        staged(gate=gate(**limits), max_sessions=max_sessions, store=store) as stage,
        AsyncExitStack() as stack,
    ):
        assert len(await arrived(stage, stack, *[known(HERE)] * 20, query=query)) == most
        assert len(stage.gateway.sessions) == most


async def test_who_comes_back_for_what_is_lost_gets_a_new_session() -> None:
    async with staged(gate=gate(user_open=1)) as stage, AsyncExitStack() as stack:
        peer = await stack.enter_async_context(joined(stage.url, **known(HERE)))
        query = f"session={session_of(peer)}&epoch=1&last_seq=99"
        await arrived(stage, stack, *[known(HERE)] * 10, query=query)
        assert len(stage.gateway.sessions) == 1


async def test_who_comes_back_for_what_is_lost_is_not_let_in_while_the_gateway_is_behind() -> None:
    overloaded = False
    async with staged() as stage, joined(stage.url) as peer:
        stage.gateway._admission._overloaded = lambda: overloaded
        query = f"session={session_of(peer)}&epoch=1&last_seq=99"
        overloaded = True
        with pytest.raises(ConnectionClosed, match=r"1013.*at_capacity"):
            async with joined(stage.url, query):
                pass
        overloaded = False
        async with joined(stage.url, query):
            pass


async def test_those_who_come_back_for_one_session_wait_for_one_another_however_many_they_are() -> None:
    opening = Opening(SessionProfile(), resume=Resume("gone", 1, 1))
    store, request = SlowStore(), SessionRequest(native.NativeDialect(), opening, "alice")
    async with staged(store=store) as stage:
        sessions = stage.gateway.sessions
        first, second = (asyncio.create_task(sessions.open(request)) for _ in range(2))
        await first
        await sessions.open(request)  # while the second one has its turn
        await second
    assert store.most == 1


async def test_waiting_sessions_count_for_their_user() -> None:
    async with staged(gate=gate(user_open=2), max_sessions=20) as stage, AsyncExitStack() as stack:
        for _ in range(5):
            await detached_or_refused(stage, stack)
            assert len(stage.gateway.sessions) <= 2
        async with joined(stage.url, **known(THERE, sub="bob")):
            pass


async def detached_or_refused(stage: Stage, stack: AsyncExitStack) -> None:
    with suppress(InvalidStatus):
        peer = await stack.enter_async_context(joined(stage.url, **known(HERE)))
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == stage.value("sessions"))


async def test_a_client_that_was_started_again_does_not_wait_for_its_own_session() -> None:
    async with staged(gate=gate(user_open=1)) as stage, AsyncExitStack() as stack:
        await detached(stage, stack, **known(HERE))
        async with joined(stage.url, **known(HERE)) as again:
            assert [host.name for host in stage.gateway.sessions] == [session_of(again)]


async def test_a_new_client_gets_the_seat_of_who_has_most_of_them_waiting() -> None:
    async with staged(gate=gate(), max_sessions=4) as stage, AsyncExitStack() as stack:
        for user in ("bob", "alice", "alice", "alice"):
            await detached(stage, stack, **known(HERE, sub=user))
        for other in ("carol", "dave"):
            await stack.enter_async_context(joined(stage.url, **known(THERE, sub=other)))
        held = Counter(host.user for host in stage.gateway.sessions)
        assert held == {"alice": 1, "bob": 1, "carol": 1, "dave": 1}


async def test_who_has_many_takes_no_seat_from_who_has_few() -> None:
    async with staged(gate=gate(), max_sessions=3) as stage, AsyncExitStack() as stack:
        await detached(stage, stack, **known(HERE, sub="bob"))
        assert len(await arrived(stage, stack, *[known(THERE)] * 5)) == 2
        assert await answer(stage, **known(THERE)) == "at_capacity"
        assert Counter(host.user for host in stage.gateway.sessions) == {"alice": 2, "bob": 1}


async def test_a_session_whose_client_does_not_read_keeps_its_seat_until_it_is_needed() -> None:
    async with staged(max_sessions=1, send_timeout_ms=200) as stage, joined(stage.url, max_queue=1) as stuck:
        stage.responder.pieces = ["x" * 4_000] * 225
        await stuck.send(native.TextMessage(text="hello"))
        await until(lambda: stage.value("sessions_detached") == 1)
        assert len(stage.gateway.sessions.seats) == 1
        async with joined(stage.url):
            assert stage.value("sessions") == 1
        stuck.socket.transport.abort()


async def test_a_session_counts_for_the_address_that_its_client_comes_from() -> None:
    async with staged(gate=gate(address_open=1)) as stage, joined(stage.url, **known(HERE)) as peer:
        query = f"session={session_of(peer)}&epoch=1&last_seq={len(peer.messages)}"
        async with joined(stage.url, **known(THERE, sub="bob")):
            assert await answer(stage, query=query, **known(THERE)) == "too_many_connections"
        await until(lambda: len(stage.gateway.sessions.seats) == 1)
        async with joined(stage.url, query, seen=peer.messages, **known(THERE)):
            async with joined(stage.url, **known(HERE, sub="bob")):
                pass
            assert await answer(stage, **known(THERE, sub="bob")) == "too_many_connections"


async def test_a_handshake_that_breaks_off_leaves_its_seat() -> None:
    async with staged(gate=Gate(tokens=OPTIONS), max_sessions=1) as stage:
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            headers = bearer(token())["additional_headers"]
            request = ["GET /v1/stream HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write(("\r\n".join(request) + "\r\n\r\n").encode())  # without the rest of an upgrade
            assert b" 101 " not in await reader.readline()
            writer.close()
            await writer.wait_closed()
        await until(lambda: not len(stage.gateway.sessions.seats))
        async with joined(stage.url, **bearer(token())):
            pass


# --- any order -------------------------------------------------------------------------------------------

USERS, ADDRESSES = ("alice", "bob"), (HERE, THERE)
USER_OPEN, ADDRESS_OPEN, ALL_OPEN = 2, 3, 4

clients = st.tuples(st.sampled_from(USERS), st.sampled_from(ADDRESSES))
connects = st.tuples(st.just("connect"), clients)
returns = st.tuples(
    st.just("resume"),
    clients,
    st.integers(0, 7),  # which session, of those that there have been
    st.sampled_from([(1, 1), (1, 0), (1, 99), (2, 1), (10**14, 1)]),  # epoch and last event
)
doings = st.tuples(st.sampled_from(["reset", "leave", "end", "refresh"]), st.integers(0, 7))
steps = st.lists(st.lists(connects | returns | doings, min_size=1, max_size=6), max_size=6)


@dataclass
class ClientGroup:
    """What the clients of one example have."""

    stage: Stage
    stack: AsyncExitStack
    names: list[str] = field(default_factory=lambda: ["nobody"])
    sockets: list[ClientConnection] = field(default_factory=list)

    async def do(self, step: tuple[Any, ...]) -> None:
        """One client's doing; that it is refused, or that it has gone already, is well."""
        with suppress(InvalidStatus, ConnectionClosed):
            match step:
                case ("connect", (user, address)):
                    await self.join("", user, address)
                case ("resume", (user, address), which, (epoch, last_seq)):
                    name = self.names[which % len(self.names)]
                    await self.join(f"session={name}&epoch={epoch}&last_seq={last_seq}", user, address)
                case (doing, which) if self.sockets:
                    await self.go_on(doing, self.sockets[which % len(self.sockets)])
        self.check()

    async def join(self, query: str, user: str, address: str) -> None:
        url = f"{self.stage.url}?{query}"
        socket = await self.stack.enter_async_context(connect(url, proxy=None, **known(address, sub=user)))
        while '"ready"' not in (message := await asyncio.wait_for(socket.recv(decode=True), PATIENCE_S)):
            pass
        self.sockets.append(socket)
        self.names.append(json.loads(message)["session"])

    async def go_on(self, doing: str, socket: ClientConnection) -> None:
        match doing:
            case "reset":
                socket.transport.abort()
            case "leave":
                await socket.close()
            case "end":
                await socket.send('{"type":"end"}')
            case _:
                await socket.send(json.dumps({"type": "refresh", "token": token(scope="reply:none")}))

    def check(self) -> None:
        hosts = [host for host in self.stage.gateway.sessions if not host.ended.is_set()]
        assert len(hosts) <= ALL_OPEN
        assert all(count <= USER_OPEN for count in Counter(host.user for host in hosts).values())
        assert all(count <= ADDRESS_OPEN for count in Counter(host.seat.address for host in hosts).values())

    async def leave(self) -> None:
        for socket in self.sockets:
            socket.transport.abort()
        for host in self.stage.gateway.sessions:
            host.finish(None)
        sessions = self.stage.gateway.sessions
        await until(lambda: not len(sessions) and not len(sessions.seats))


@pytest.fixture
def overloaded() -> Iterator[tuple[asyncio.Runner, Stage]]:
    """A gateway for all examples, and the loop that it runs in."""
    limits = {"user_open": USER_OPEN, "address_open": ADDRESS_OPEN}
    with asyncio.Runner() as runner, VirtualClock(runner.get_loop()).installed():
        running = staged(gate=gate(**limits), max_sessions=ALL_OPEN, store=SlowStore(wait_s=0.002))
        stage = runner.run(running.__aenter__())
        yield runner, stage
        runner.run(running.__aexit__(None, None, None))


def test_no_order_of_coming_and_going_gives_more_sessions_than_allowed(
    overloaded: tuple[asyncio.Runner, Stage],
) -> None:
    runner, stage = overloaded

    async def play(batches: list[list[tuple[Any, ...]]]) -> None:
        async with AsyncExitStack() as stack:
            group = ClientGroup(stage, stack)
            for batch in batches:
                await asyncio.gather(*map(group.do, batch))
            await group.leave()

    @given(steps)
    def check(batches: list[list[tuple[Any, ...]]]) -> None:
        runner.run(play(batches))

    check()
