"""Whether a file is the JPEG, PNG or PDF that it says to be, and nothing else besides.

Checked: the first bytes, the declared type, the chain of parts from the first byte to the last with
nothing behind it, sizes of pictures, names of active content in PDF (also within packed object
lists), and text that a browser could run. Not checked: compressed pixels, fonts, and whatever a
faulty viewer may do with a well-formed file: look at documents in a viewer that runs no script.
"""

import re
import struct
import zlib

from excraft.accounts.kyc_errors import BadDocument

DOCUMENT_BYTES_MAX = 10 << 20
SIDE_MAX = 20_000  # pixels
PIXELS_MAX = 200_000_000
PARTS_MAX = 16_384  # of one file
LOOKED_INTO_BYTES_MAX = 32 << 20  # object lists of one PDF, packed and unpacked
JPEG, PNG, PDF = "image/jpeg", "image/png", "application/pdf"

# Two patterns, because the first is twice as fast when it begins with the same letter always.
_MARKUP = re.compile(rb"<(?i:script|!doctype|html|iframe|body|svg[\s/>]|\?php)")
_SCRIPT_ADDRESS = re.compile(rb"(?i)javascript:")
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_NEEDED = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_JPEG_NEXT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the marker behind compressed pixels
_JPEG_PADDING = re.compile(rb"\xff*")
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_START, _JPEG_END, _JPEG_SCAN = 0xD8, 0xD9, 0xDA
_PDF_END = re.compile(rb"startxref\s{1,4}(\d{1,9})\s{1,4}%%EOF\s{0,4}\Z")
_PDF_STREAM = re.compile(rb"(?<!end)stream\r?\n")


def _names(*names: str) -> re.Pattern[bytes]:
    """Finds names of PDF however they are spelled: /J#61va is /Java."""
    spelled = ("".join(f"(?:{c}|#{ord(c):x}|#{ord(c):X})" for c in name) for name in names)
    return re.compile(f"/(?:{'|'.join(spelled)})(?![A-Za-z0-9])".encode())


_PDF_ACTIVE = _names(
    "JavaScript", "Launch", "EmbeddedFile", "EmbeddedFiles", "RichMedia", "SubmitForm",
    "ImportData", "Encrypt", "Rendition", "XFA",
)  # fmt: skip
_PDF_PACKED, _PDF_PARAMETERS = _names("ObjStm"), _names("DecodeParms", "DP", "F")
_PDF_DICT_BYTES = 4096  # before a stream, where its dictionary is looked for


def check_content(declared: str, content: bytes) -> str:
    """The type; raises BadDocument. Takes at most about a second, whatever the content."""
    if declared not in _CHECKS:
        raise BadDocument(f"{declared[:60]!r} is not taken; send {', '.join(_CHECKS)}")
    if not 0 < len(content) <= DOCUMENT_BYTES_MAX:
        raise BadDocument(f"the file has {len(content)} bytes; 1 to {DOCUMENT_BYTES_MAX} are taken")
    start, check = _CHECKS[declared]
    if not content.startswith(start):
        raise BadDocument(f"the file is no {declared}: it does not begin like one")
    check(content)
    if found := _script(content):
        word = found[0].decode("latin1")
        raise BadDocument(f"the file holds {word!r} at byte {found.start()}; send a plain copy")
    return declared


def _script(content: bytes) -> re.Match[bytes] | None:
    """What a browser could run, were it to take the file for a page."""
    return _MARKUP.search(content) or _SCRIPT_ADDRESS.search(content)


def _png(content: bytes) -> None:
    at, seen = len(_PNG_START), []
    while len(seen) <= PARTS_MAX and at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content) or not kind.isalpha():
            break
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise BadDocument(f"the PNG is damaged at byte {at}: a checksum is wrong")
        if kind[:1].isupper() and kind not in _PNG_NEEDED:
            raise BadDocument(f"the PNG has a part {kind.decode()} that no picture needs")
        if not seen:
            if kind != b"IHDR" or length != 13:
                break
            _check_size("PNG", *struct.unpack_from(">II", content, at + 8))
        seen.append(kind)
        at = end
        if kind == b"IEND":
            if length or at != len(content) or b"IDAT" not in seen:
                raise BadDocument(f"the PNG ends at byte {at}, but the file goes on or is empty")
            return
    raise BadDocument(f"the PNG is not whole: no part can be read at byte {at}")


def _jpeg(content: bytes) -> None:
    at, framed, scanned = 2, False, False
    for _ in range(PARTS_MAX):
        at = max(at, _JPEG_PADDING.match(content, at).end() - 1)
        if content[at : at + 1] != b"\xff" or at + 2 > len(content):
            break
        marker = content[at + 1]
        if marker == _JPEG_END:
            if not (framed and scanned) or at + 2 != len(content):
                raise BadDocument(
                    f"the JPEG ends at byte {at + 2} of {len(content)}; save it again as a plain "
                    f"picture, without a film or a second picture"
                )
            return
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if marker <= 0xBF or 0xD0 <= marker <= _JPEG_START or length < 2:
            break
        if marker in _JPEG_FRAMES:
            if length < 8 or at + 9 > len(content):
                break
            height, width = struct.unpack_from(">HH", content, at + 5)
            _check_size("JPEG", width, height)
            framed = True
        at += 2 + length
        if marker == _JPEG_SCAN:
            scanned = True
            following = _JPEG_NEXT.search(content, at)
            if following is None:
                break
            at = following.start()
    raise BadDocument(f"the JPEG is not whole: no part can be read at byte {at}")


def _pdf(content: bytes) -> None:
    if not re.match(rb"%PDF-[12]\.\d\s", content):
        raise BadDocument("the PDF has no version in its first line; save it again as PDF")
    end = _PDF_END.search(content, max(0, len(content) - 64))
    if end is None:
        raise BadDocument("the PDF does not end where its file ends; save it again as PDF")
    table = content[int(end[1]) : int(end[1]) + 32]
    if not re.match(rb"\s{0,4}(xref\s|\d+ \d+ obj)", table):
        raise BadDocument(f"the PDF's list of objects is not at byte {int(end[1])}, where it says")
    _check_active(content)
    left = LOOKED_INTO_BYTES_MAX
    for number, stream in enumerate(_PDF_STREAM.finditer(content)):
        if number >= PARTS_MAX:
            raise BadDocument(f"the PDF has more than {PARTS_MAX} streams")
        since = max(0, stream.start() - _PDF_DICT_BYTES)
        start = content.rfind(b"obj", since, stream.start())
        if start < 0:
            raise BadDocument(f"the PDF has a stream at byte {stream.start()} of no object")
        described = content[start : stream.start()]
        if _PDF_PACKED.search(described):
            end = content.find(b"endstream", stream.end(), stream.end() + left)
            if end < 0:
                raise BadDocument("the PDF packs more objects than are looked into")
            left -= _look_into(content[stream.end() : end], described, left)


def _look_into(packed: bytes, described: bytes, left: int) -> int:
    """Check a packed object list; how many bytes were looked at."""
    filters = re.search(rb"/Filter\s*\[?\s*/(\w+)\s*(?:\]|/\w|>|$)", described)
    if not filters or filters[1] != b"FlateDecode" or _PDF_PARAMETERS.search(described):
        raise BadDocument("the PDF packs its objects in a way that cannot be looked into")
    try:
        unpacked = zlib.decompressobj().decompress(packed, left + 1)
    except zlib.error as error:
        raise BadDocument(f"the PDF is damaged: {error}") from error
    looked = len(packed) + len(unpacked)
    if looked > left:
        raise BadDocument(f"the PDF unpacks to more than {LOOKED_INTO_BYTES_MAX} bytes of objects")
    _check_active(unpacked)
    if _script(unpacked):
        raise BadDocument("the PDF holds a script in its objects; print it into a new PDF")
    return looked


def _check_active(content: bytes) -> None:
    if found := _PDF_ACTIVE.search(content):
        raise BadDocument(
            f"the PDF holds {found[0].decode()}: scripts, attachments, forms and encryption are "
            f"not taken; print it into a new PDF"
        )


def _check_size(kind: str, width: int, height: int) -> None:
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX and width * height <= PIXELS_MAX):
        raise BadDocument(
            f"the {kind} has {width} x {height} pixels; at most {SIDE_MAX} a side and "
            f"{PIXELS_MAX} together are taken"
        )


_CHECKS = {
    JPEG: (b"\xff\xd8\xff", _jpeg),
    PNG: (_PNG_START, _png),
    PDF: (b"%PDF-", _pdf),
}
