"""Members with the same beneficial owner: links between two, groups by following them."""

from sqlalchemy import Connection, insert, or_, select

from excraft.store.schema_kyc import kyc_links

_c = kyc_links.c


def group_of(connection: Connection, member_id: int) -> tuple[int, ...]:
    """Everybody who is linked with the member, over any number of others, and the member; sorted.

    The first of them is the same for all: it can stand for the group.
    """
    found, edge = {member_id}, {member_id}
    while edge:
        near = select(_c.low, _c.high).where(or_(_c.low.in_(edge), _c.high.in_(edge)))
        edge = {m for pair in connection.execute(near) for m in pair} - found
        found |= edge
    return tuple(sorted(found))


def linked(connection: Connection, one: int, other: int) -> bool:
    """Whether these two are linked with nobody between."""
    pair = (_c.low == min(one, other)) & (_c.high == max(one, other))
    return connection.execute(select(_c.low).where(pair)).first() is not None


def add(
    connection: Connection, pair: tuple[int, int], *, who: str, reason: str, time_ns: int
) -> None:
    low, high = sorted(pair)
    connection.execute(
        insert(kyc_links).values(low=low, high=high, who=who, reason=reason, time_ns=time_ns)
    )
