"""Personal data of a case: what is asked, and what an answer must look like."""

import unicodedata
from datetime import UTC, date, datetime
from enum import StrEnum

import msgspec

from excraft.accounts.kyc_errors import BadPerson

AGE_MIN, AGE_MAX = 18, 120
NAME_MAX, NUMBER_MIN, NUMBER_MAX, ADDRESS_MIN, ADDRESS_MAX = 120, 4, 40, 5, 300

# ISO 3166-1 alpha-2
COUNTRIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)


class DocumentKind(StrEnum):
    """What proves who somebody is."""

    PASSPORT = "PASSPORT"
    ID_CARD = "ID_CARD"
    DRIVING_LICENCE = "DRIVING_LICENCE"
    RESIDENCE_PERMIT = "RESIDENCE_PERMIT"


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody says to be. Never logged: its `repr` says nothing."""

    name: str
    birth_date: str  # 1990-12-31
    country: str  # that issued the document, ISO 3166-1 alpha-2
    document_kind: DocumentKind
    document_number: str
    address: str

    def __repr__(self) -> str:
        return "Person(...)"


def checked(person: Person, now_ns: int, age_min: int = AGE_MIN) -> Person:
    """The same in Unicode NFC without outer blanks; raises BadPerson."""
    _check_birth(person.birth_date, now_ns, age_min)
    if person.country not in COUNTRIES:
        raise BadPerson(
            f"{person.country[:8]!r} is no country; give two capital letters of ISO 3166-1, like FR"
        )
    if person.document_kind not in set(DocumentKind):
        raise BadPerson(
            f"{str(person.document_kind)[:20]!r} is no kind of document; there are "
            f"{', '.join(DocumentKind)}"
        )
    number = _text("document number", person.document_number, 1, NUMBER_MAX)
    if not NUMBER_MIN <= len(normal_number(number)) <= NUMBER_MAX:
        raise BadPerson(
            f"the document number must have {NUMBER_MIN} to {NUMBER_MAX} letters and digits"
        )
    return msgspec.structs.replace(
        person,
        document_kind=DocumentKind(person.document_kind),
        name=_text("name", person.name, 1, NAME_MAX),
        document_number=number,
        address=_text("address", person.address, ADDRESS_MIN, ADDRESS_MAX),
    )


def normal_number(number: str) -> str:
    """Letters and digits only, in capitals: how a number is compared."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", number).upper())
    return "".join(c for c in plain if c.isalnum())


def _text(what: str, given: str, least: int, most: int) -> str:
    if len(given) > 4 * most:  # before normalising, which may be slow on what is long
        raise BadPerson(f"the {what} has {len(given)} characters; at most {most} are taken")
    text = unicodedata.normalize("NFC", given).strip()
    if not least <= len(text) <= most:
        raise BadPerson(f"the {what} has {len(text)} characters; {least} to {most} are taken")
    if not text.isprintable():
        raise BadPerson(f"the {what} holds a control or invisible character; leave it out")
    return text


def _check_birth(given: str, now_ns: int, age_min: int) -> None:
    try:
        born = date.fromisoformat(given)
    except ValueError:
        born = None
    if born is None or born.isoformat() != given:
        raise BadPerson(f"{given[:20]!r} is no date of birth; give one that exists, as 1990-12-31")
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).date()
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if not age_min <= age <= AGE_MAX:
        raise BadPerson(f"born {given} is an age of {age}; it must be {age_min} to {AGE_MAX}")
