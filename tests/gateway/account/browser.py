"""A browser at /account, and a hasher that is cheap and counts."""

import httpx
from argon2 import PasswordHasher

GOOD, OTHER = "correct horse 7", "battery staple 8"
ORIGIN = "http://localhost"
SECOND = 1_000_000_000


class Hashing(PasswordHasher):
    """Cheap, and counts what it is asked for."""

    def __init__(self):
        super().__init__(1, 8, 1)
        self.calls = []

    def hash(self, password, **options):
        self.calls.append("hash")
        return super().hash(password, **options)

    def verify(self, stored, password):
        self.calls.append("verify")
        return super().verify(stored, password)


class Browser:
    """Cookies, the CSRF token, and the requests a page of ours would make."""

    def __init__(self, shop, address="127.0.0.1", origin=ORIGIN, host="http://localhost"):
        transport = httpx.ASGITransport(app=shop.app, client=(address, 5))
        self.http = httpx.AsyncClient(transport=transport, base_url=host)
        self.http.headers.update({"origin": origin, "user-agent": "Firefox"})
        self.shop = shop

    async def send(self, method, path, **body):
        kwargs = {"json": body} if method in ("POST", "PUT") else {}
        return await self.http.request(method, f"/account/{path}", **kwargs)

    async def ok(self, method, path, **body):
        reply = await self.send(method, path, **body)
        assert reply.status_code < 300, reply.text
        return reply.json()

    async def refused(self, method, path, **body):
        """(status, code) of an answer that must be an error of the one form."""
        reply = await self.send(method, path, **body)
        assert reply.status_code >= 400, reply.text
        assert set(reply.json()) == {"error", "message"}
        return reply.status_code, reply.json()["error"]

    async def login(self, who="ann@example.org", password=GOOD, code=""):
        found = await self.ok("POST", "login", email=who, password=password, code=code)
        self.http.headers["x-csrf-token"] = found["csrf"]
        return found

    async def join(self, who="ann@example.org", password=GOOD):
        """Sign up, confirm and log in."""
        await self.ok("POST", "sign-up", email=who, password=password)
        token = self.shop.token(who.strip().lower())
        await self.ok("POST", "confirm", token=token, password=password)
        return await self.login(who, password)
