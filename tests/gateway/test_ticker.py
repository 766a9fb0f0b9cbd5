import asyncio
import time

import pytest

from tests.gateway.fakes import staged
from tests.observing import until
from tests.peer import joined
from tests.virtual_clock import VirtualClock
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session
from voicegw.dialects import native
from voicegw.dialects.port import Opening
from voicegw.errors import InternalError
from voicegw.gateway.session.session_factory import SessionRequest
from voicegw.gateway.ticker import TICK_S, tick

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_everyone_is_told_the_time_and_how_late_it_is(virtual_clock: VirtualClock) -> None:
    told: list[tuple[float, float]] = []
    task = asyncio.create_task(tick(lambda late, now: told.append((late, now)), lambda _late, _now: None))
    await asyncio.sleep(0)
    begun = time.monotonic()
    virtual_clock.advance(2 * TICK_S)
    await until(lambda: told)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    late, now = told[0]
    assert late == pytest.approx(TICK_S, abs=0.001)
    assert now == pytest.approx(begun + 2 * TICK_S, abs=0.001)


async def test_a_session_that_breaks_at_a_tick_costs_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged() as stage, joined(stage.url) as unlucky, joined(stage.url) as other:
        broken, _ = stage.gateway.sessions

        def receive_tick(session: Session, now: float, late_s: float) -> None:
            if session.name == broken.name:
                raise ZeroDivisionError

        monkeypatch.setattr(Session, "receive_tick", receive_tick)
        assert await unlucky.error() == InternalError.code
        assert await unlucky.closed() == InternalError.close_code
        await other.send(native.TextMessage(text="hello"))
        await other.until(native.ReplyDoneMessage)


async def test_a_session_that_has_not_begun_is_not_told_yet() -> None:
    async with staged() as stage:
        request = SessionRequest(native.NativeDialect(), Opening(SessionProfile()), "user")
        host, _ = await stage.gateway.sessions.open(request)
        stage.gateway.sessions.tick(0.0, time.monotonic())
        await asyncio.sleep(0)
        assert not host.ended.is_set()
