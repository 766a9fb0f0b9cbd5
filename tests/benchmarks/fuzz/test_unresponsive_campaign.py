import ssl

import pytest

from benchmarks.fuzz import unresponsive_campaign as module
from benchmarks.fuzz.unresponsive import UnresponsiveClient
from benchmarks.fuzz.unresponsive_campaign import Campaign
from clients.local_server import LocalServer


@pytest.mark.parametrize("client", ["leaves", "stays"])
def test_an_unexpected_exception_of_a_client_is_raised(monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    def behave(*_: object) -> None:
        pass

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(UnresponsiveClient, "run", fail if client == "leaves" else behave)
    monkeypatch.setattr(module, "normal_session", fail if client == "stays" else behave)
    campaign = Campaign(LocalServer("wss://127.0.0.1:1", pid=0), ssl.create_default_context(), seed=1)
    with pytest.raises(ZeroDivisionError):
        campaign.connect(2)
