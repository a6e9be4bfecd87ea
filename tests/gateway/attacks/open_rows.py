"""What stands beside the doors: pages and lists for everybody, listen keys, streams, webhooks."""

from tests.gateway.attacks.places import Place

LISTEN_KEY = "/api/v3/userDataStream"
LISTS = (
    "/announcements",
    "/desk",
    "/rounds",
    "/staff",
    "/liabilities",
    "/merit",
    "/merit/markets",
    "/pools",
    "/rewards",
    "/openapi.json",
)
PAGES = [Place("open", "GET", path) for path in LISTS]
OPEN = {
    *PAGES,
    Place("open", "GET", "/desk/{name}"),
    Place("open", "GET", "/rounds/{name}"),
    Place("open", "GET", "/staff/{name}"),
    Place("open", "GET", "/liabilities/{day}/root.json"),
    Place("open", "GET", "/pools/{number}"),
    Place("open", "GET", "/rewards/{kind}/{number}/{file}"),
    Place("open", "POST", "/kyc/webhook/{provider}"),
    *(Place("open", method, LISTEN_KEY) for method in ("POST", "PUT", "DELETE")),
    *(Place("ws", "", path) for path in ("/ws", "/ws/{streams:path}", "/stream", "/merit/stream")),
}
