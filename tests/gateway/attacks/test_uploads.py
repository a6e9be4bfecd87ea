"""Documents over the real server: slow, lying, endless, too large, and not what they say."""

import asyncio
import contextlib
import json
import tracemalloc
import zlib

import pytest

from excraft.accounts.kyc_content import DOCUMENT_BYTES_MAX
from excraft.gateway import account_kyc, account_requests, outgoing
from tests.accounts.kyc_desk import png
from tests.gateway.attacks.serving import serving
from tests.gateway.attacks.town import upload

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(town, monkeypatch):
    """The town behind uvicorn, with little patience, and a case of Mallory's."""
    monkeypatch.setattr(outgoing, "BODY_WITHIN_S", 0.8)
    monkeypatch.setattr(account_kyc, "UPLOAD_WITHIN_S", 1.0)
    monkeypatch.setattr(account_requests, "BODY_WITHIN_S", 0.5)
    town.case = (await town.mallory.ok("POST", "kyc", level="FULL"))["id"]
    async with serving(town.app) as server:
        town.port = server.port
        yield town


class Raw:
    """One connection of a member, byte by byte."""

    def __init__(self, town, who, path: str, *headers: str) -> None:
        cookies = "; ".join(f"{c.name}={c.value}" for c in who.http.cookies.jar)
        lines = [
            f"POST {path} HTTP/1.1", "host: localhost", "origin: http://localhost",
            f"cookie: {cookies}", f"x-csrf-token: {who.http.headers['x-csrf-token']}", *headers,
        ]  # fmt: skip
        self.port, self.head = town.port, ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def __aenter__(self) -> "Raw":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(self.head)
        return self

    async def __aexit__(self, *_) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def send(self, content: bytes) -> bool:
        """False once nobody reads any more."""
        self.writer.write(content)
        try:
            await asyncio.wait_for(self.writer.drain(), 5)
        except ConnectionError:
            return False
        return True

    async def answer(self) -> tuple[int, str]:
        """(status, code or text) of the answer."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = await asyncio.wait_for(self.reader.readexactly(length), 5)
        with contextlib.suppress(json.JSONDecodeError):
            return int(head.split()[1]), json.loads(body).get("error", "")
        return int(head.split()[1]), body.decode()

    async def ended(self) -> bool:
        """Whether the other side hangs up."""
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(self.reader.read(), 10)
        return True


def sending(town, *headers: str, who=None, case=None) -> Raw:
    path = f"/account/kyc/{case or town.case}/documents?purpose=FRONT"
    return Raw(town, who or town.mallory, path, "content-type: image/png", *headers)


async def documents(town) -> int:
    found = (await town.mallory.ok("GET", "kyc"))["cases"]
    return len(found[0]["documents"])


async def test_a_byte_at_a_time_ends_in_time_and_keeps_nobody_else_out(served):
    async with sending(served, "content-length: 100000") as slow:
        for byte in png()[:5]:
            assert await slow.send(bytes([byte]))
            await asyncio.sleep(0.02)
        second = await upload(served.mallory, served.case)
        assert (second.status_code, second.json()["error"]) == (503, "busy"), "one at a time"
        hers = await upload(served.vera, served.her.case, "BACK", width=5)
        assert hers.status_code == 201, hers.text
        assert await slow.answer() == (408, "too_slow") and await slow.ended()
    assert (await upload(served.mallory, served.case)).status_code == 201


async def test_a_slow_body_elsewhere_ends_in_time_too(served):
    headers = ("content-type: application/json", "content-length: 500")
    async with Raw(served, served.mallory, "/account/step-up", *headers) as slow:
        await slow.send(b"{")
        assert await slow.answer() == (408, "too_slow") and await slow.ended()


async def test_lengths_that_are_lies(served):
    whole = png()
    for said, status in (("-1", 400), ("1e3", 400), ("0x10", 400), (str(10**30), 400),
                         ("5, 6", 400), ("", 400)):  # fmt: skip
        async with sending(served, f"content-length: {said}") as liar:
            await liar.send(whole)
            assert (await liar.answer())[0] == status and await liar.ended(), said
    for said in (DOCUMENT_BYTES_MAX + 1, 10**17):  # nothing is sent: it is refused for its word
        async with sending(served, f"content-length: {said}") as liar:
            assert await liar.answer() == (413, "too_large") and await liar.ended()
    async with sending(served, f"content-length: {len(whole) // 2}") as shorter:
        await shorter.send(whole)
        assert (await shorter.answer())[0] == 400
    async with sending(served, f"content-length: {len(whole) * 2}") as longer:
        await longer.send(whole)
        longer.writer.write_eof()
        assert await longer.ended()
    headers = (f"content-length: {len(whole)}", "transfer-encoding: chunked")
    async with sending(served, *headers) as both:
        await both.send(whole)
        assert (await both.answer())[0] == 400 and await both.ended()
    assert await documents(served) == 0
    assert (await upload(served.mallory, served.case)).status_code == 201


async def test_chunks_without_end(served):
    sent, piece = 0, b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    async with sending(served, "transfer-encoding: chunked") as endless:
        while sent < 10 * DOCUMENT_BYTES_MAX and await endless.send(piece):
            sent += 1 << 16
        assert await endless.ended()
    assert sent < 3 * DOCUMENT_BYTES_MAX, "the rest fits into buffers of the network"
    assert await documents(served) == 0
    async with sending(served, "transfer-encoding: chunked") as nonsense:
        await nonsense.send(b"ZZ\r\n")
        assert (await nonsense.answer())[0] == 400 and await nonsense.ended()


async def test_files_of_everybody_have_one_room(served):
    uploads = served.kyc.uploads
    whole, uploads.free = uploads.free, 200_000
    async with sending(served, "content-length: 150000") as first:
        await first.send(png()[:8] + bytes(149_000))
        while uploads.free == 200_000:
            await asyncio.sleep(0.01)
        async with sending(
            served, "content-length: 150000", who=served.vera, case=served.her.case
        ) as second:
            await second.send(bytes(149_000))
            assert await second.answer() == (503, "busy")
        assert (await upload(served.vera, served.her.case, "BACK", width=4)).status_code == 201
        assert await first.answer() == (408, "too_slow")
    while uploads.free != 200_000:
        await asyncio.sleep(0.01)
    uploads.free = whole


async def test_what_is_not_what_it_says(served):
    script, html = b"<svg onload='alert(1)'></svg>", b"<!doctype html><script>alert(1)</script>"
    bomb = zlib.compress(bytes(200 << 20), 9)
    stream = b"%%PDF-1.7\n1 0 obj <</Filter/FlateDecode/Length %d>> stream\n" % len(bomb)
    pdf = stream + bomb + b"\nendstream endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
    action = b"%PDF-1.7\n1 0 obj <</OpenAction <</S/JavaScript/JS(app.alert(1))>>>> endobj\n%%EOF\n"
    for content, kind in (
        (script, "image/svg+xml"), (script, "image/png"), (html, "text/html"),
        (html, "image/jpeg"), (png(end=html), "image/png"), (png(), "image/jpeg"),
        (png(), "image/png; charset=x\x0b"), (pdf, "image/png"), (action, "application/pdf"),
        (b"MZ" + bytes(100), "application/pdf"), (b"PK\x03\x04" + bytes(100), "application/zip"),
        (png((b"tEXt", html)), "image/png"), (b"", "image/png"), (pdf[:-6], "application/pdf"),
    ):  # fmt: skip
        reply = await served.mallory.http.post(
            f"/account/kyc/{served.case}/documents?purpose=FRONT", content=content,
            headers={"content-type": kind},
        )  # fmt: skip
        assert reply.status_code == 400, (kind, content[:20], reply.text)
        assert set(reply.json()) == {"error", "message"}
    assert await documents(served) == 0


async def test_what_a_file_takes_is_measured(served, monkeypatch):
    """By Python in the whole process: a few times the largest file, not more when more comes."""
    monkeypatch.setattr(account_kyc, "UPLOAD_WITHIN_S", 60.0)
    room, filling = DOCUMENT_BYTES_MAX - len(png()), []
    while room > 12:  # parts of a picture that any reader passes over
        filling.append((b"prVt", bytes(min(room, 1 << 20) - 12)))
        room -= min(room, 1 << 20)
    largest, peaks = png(*filling), []
    for end, status in ((DOCUMENT_BYTES_MAX, 201), (DOCUMENT_BYTES_MAX * 3, 413)):
        tracemalloc.start()
        async with sending(served, "transfer-encoding: chunked") as sender:
            for start in range(0, end, 1 << 16):
                piece = largest[start : start + (1 << 16)] or bytes(1 << 16)
                if not await sender.send(b"%x\r\n%b\r\n" % (len(piece), piece)):
                    break
            else:
                await sender.send(b"0\r\n\r\n")
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                assert (await sender.answer())[0] == status
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 5 * DOCUMENT_BYTES_MAX, peaks
    assert await documents(served) == 1
