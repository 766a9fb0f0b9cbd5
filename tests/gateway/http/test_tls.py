"""Real certificates, real handshakes."""

import asyncio
import ssl
import time
import tracemalloc
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import trustme

from tests.gateway.fakes import Gate, Stage, staged
from tests.gateway.http.test_limited_connection import ended, opened
from tests.observing import PATIENCE_S
from tests.peer import joined
from voicegw.errors import ConfigurationError
from voicegw.gateway.http.limited_connection import HandshakeOptions
from voicegw.gateway.http.tls import Certificate, TlsOptions, check_exposure
from voicegw.gateway.limits.rate_limits import LimitOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")


class Authority:
    """Signs certificates, and writes them where the server looks."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.options = TlsOptions(cert=str(directory / "cert.pem"), key=str(directory / "key.pem"))
        self.renew()

    def renew(self) -> None:
        certificate = self._ca.issue_cert("127.0.0.1")
        assert self.options.cert is not None
        assert self.options.key is not None
        Path(self.options.cert).write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(self.options.key)

    def spoil(self) -> None:
        assert self.options.key is not None
        Path(self.options.key).write_text("half a ke")

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def serial(stage: Stage, authority: Authority) -> object:
    """The serial number of the certificate that a new connection is shown."""
    async with joined(stage.url, ssl=authority.client()) as peer:
        shown = peer.socket.transport.get_extra_info("ssl_object").getpeercert()
        return shown["serialNumber"]


async def test_serves_over_tls(authority: Authority) -> None:
    async with staged(gate=Gate(tls=authority.options)) as stage:
        assert stage.url.startswith("wss://")
        async with joined(stage.url, ssl=authority.client()) as peer:
            assert peer.socket.transport.get_extra_info("cipher")[1] in ("TLSv1.2", "TLSv1.3")


async def test_a_renewed_certificate_is_taken_up_and_open_sessions_stay(authority: Authority) -> None:
    async with staged(gate=Gate(tls=authority.options)) as stage:
        before = await serial(stage, authority)
        assert (stage.value("certificate_expires_timestamp_seconds") or 0) > time.time()
        async with joined(stage.url, ssl=authority.client()) as peer:
            authority.renew()
            stage.gateway.reload()
            assert await serial(stage, authority) != before
            await (await peer.socket.ping())


async def test_a_certificate_that_cannot_be_used_changes_nothing(authority: Authority) -> None:
    async with staged(gate=Gate(tls=authority.options)) as stage:
        before = await serial(stage, authority)
        authority.spoil()
        stage.gateway.reload()
        assert await serial(stage, authority) == before


async def test_a_changed_file_is_noticed(authority: Authority) -> None:
    async with staged(gate=Gate(tls=authority.options)) as stage:
        before = await serial(stage, authority)
        authority.renew()
        seen: set[object] = set()
        while not seen - {before}:
            seen.add(await serial(stage, authority))
            await asyncio.sleep(0.2)


async def test_old_versions_of_tls_are_refused(authority: Authority) -> None:
    assert Certificate(authority.options).context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_handshake_that_does_not_go_on_is_ended(authority: Authority) -> None:
    gate = Gate(tls=authority.options, handshake=HandshakeOptions(timeout_ms=200))
    async with staged(gate=gate) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_one_address_cannot_use_up_all_handshakes_in_the_middle_of_tls_either(
    authority: Authority,
) -> None:
    handshake = HandshakeOptions(timeout_ms=60_000, max_pending_per_address=5)
    gate = Gate(tls=authority.options, handshake=handshake, limits=LimitOptions(exempt=()))
    async with staged(gate=gate) as stage, AsyncExitStack() as stack:
        held = [await opened(stage, stack, b"\x16\x03\x01", local="127.0.0.2") for _ in range(5)]
        await ended(await opened(stage, stack, local="127.0.0.2"))
        assert stage.value("handshakes_dropped_total") == 1
        async with joined(stage.url, ssl=authority.client()):
            pass
        held[0][1].write(b"no TLS at all")
        await ended(held[0])
        context = authority.client()
        _, writer = await asyncio.open_connection(
            "127.0.0.1", stage.port, ssl=context, local_addr=("127.0.0.2", 0)
        )
        writer.close()
        assert stage.value("handshakes_dropped_total") == 1


async def test_handshakes_that_fail_make_room(authority: Authority) -> None:
    gate = Gate(tls=authority.options, handshake=HandshakeOptions(max_pending=3))
    async with staged(gate=gate) as stage, AsyncExitStack() as stack:
        for first in (b"GET /healthz HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x01\x00", b"", b"?"):
            reader, writer = await opened(stage, stack, first)
            writer.write_eof()
            await ended((reader, writer))
            with pytest.raises(ssl.SSLError):  # it does not trust the server
                await asyncio.open_connection("127.0.0.1", stage.port, ssl=ssl.create_default_context())
            async with joined(stage.url, ssl=authority.client()):
                pass
        assert stage.value("handshakes_dropped_total") == 0


async def test_a_request_right_behind_the_handshake_is_answered(authority: Authority) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = authority.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    async with staged(gate=Gate(tls=authority.options)) as stage, AsyncExitStack() as stack:
        reader, writer = await opened(stage, stack)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await asyncio.wait_for(reader.read(65_536), PATIENCE_S))
        tls.write(b"GET /healthz HTTP/1.1\r\n\r\n")
        writer.write(outgoing.read())  # the end of the handshake and the request, in one piece
        incoming.write(await asyncio.wait_for(reader.read(), PATIENCE_S))  # all there is to come
        answer = b""
        with suppress(ssl.SSLWantReadError):
            while piece := tls.read():
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200")


async def test_an_encrypted_connection_does_not_take_hundreds_of_kilobytes(authority: Authority) -> None:
    async with staged(gate=Gate(tls=authority.options)) as stage:
        context = authority.client()
        tracemalloc.start()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", stage.port, ssl=context)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        writer.close()
    assert peak < 200_000


def test_both_files_are_needed_and_have_to_fit(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.options.cert, authority.options.key
    none = str(tmp_path / "none.pem")
    for options in (
        TlsOptions(cert=cert),
        TlsOptions(key=key),
        TlsOptions(cert=cert, key=cert),
        TlsOptions(cert=none, key=key),
    ):
        with pytest.raises(ConfigurationError) as refused:
            Certificate(options)
        assert "None" not in refused.value.message


def exposed(host: str, *has: str) -> None:
    check_exposure(host, encrypted="tls" in has, behind_proxy="proxy" in has, tokens="tokens" in has)


def test_on_loopback_anything_goes_until_a_proxy_opens_it() -> None:
    exposed("127.0.0.1")
    exposed("127.0.0.1", "proxy", "tokens")
    with pytest.raises(ConfigurationError, match="without a token"):
        exposed("127.0.0.1", "proxy")


def test_on_a_network_it_takes_tls_and_tokens() -> None:
    exposed("0.0.0.0", "tls", "tokens")
    exposed("0.0.0.0", "proxy", "tokens")
    with pytest.raises(ConfigurationError, match="without TLS"):
        exposed("0.0.0.0", "tokens")
    with pytest.raises(ConfigurationError, match="without a token"):
        exposed("0.0.0.0", "tls")
