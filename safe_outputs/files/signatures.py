"""What bytes are that are no text, by how they begin: a picture or a workbook to be looked at, or what is refused."""

import io
import re
import zipfile

from datasets.ingress.text import SIGNATURES as INGRESS_SIGNATURES
from safe_outputs.files.errors import FileNotTaken

PICTURES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
)
"""What the decoder is told to read, and nothing else."""

ZIP = b"PK\x03\x04"

ARCHIVE = "Archives are not taken, because nobody can see what leaves in one. Unpack it and add the files one by one."
MODEL = (
    "A stored object is not taken: it can run code when it is loaded, and can hold the data it was made from. "
    "Ask for the model's coefficients as a statistic, or add them as a table."
)
DATA = "Files of data are not taken, because they hold rows, not results. Ask for the statistic, or add a table as CSV."
PROGRAM = "Programs are not taken. Add the source code as text."
DOCUMENT = (
    "Documents are not taken: they hide properties, earlier versions and other files. "
    "Add the text as .txt or .md, tables as CSV and figures as PNG."
)
UNKNOWN = "It is neither text, a picture nor a workbook that is known here, so nobody can see what would leave."

REFUSED: tuple[tuple[bytes, int, str, str], ...] = (
    # (mark, where it stands, what it is, why not and what to do)
    (b"PK\x05\x06", 0, "an empty archive (ZIP)", ARCHIVE),
    (b"PK\x07\x08", 0, "a part of an archive (ZIP)", ARCHIVE),
    (b"\x1f\x8b", 0, "a compressed file (gzip)", ARCHIVE),
    (b"\x1f\x9d", 0, "a compressed file (compress)", ARCHIVE),
    (b"BZh", 0, "a compressed file (bzip2)", ARCHIVE),
    (b"\xfd7zXZ\x00", 0, "a compressed file (xz)", ARCHIVE),
    (b"LZIP", 0, "a compressed file (lzip)", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", 0, "a compressed file (zstd)", ARCHIVE),
    (b"\x04\x22\x4d\x18", 0, "a compressed file (LZ4)", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", 0, "an archive (7-Zip)", ARCHIVE),
    (b"Rar!\x1a\x07", 0, "an archive (RAR)", ARCHIVE),
    (b"ustar", 257, "an archive (tar)", ARCHIVE),
    (b"!<arch>\n", 0, "an archive (ar)", ARCHIVE),
    (b"MSCF", 0, "an archive (CAB)", ARCHIVE),
    (b"CD001", 0x8001, "a disk image (ISO 9660)", ARCHIVE),
    (b"\x7fELF", 0, "a program", PROGRAM),
    (b"MZ", 0, "a program of Windows", PROGRAM),
    (b"\xcf\xfa\xed\xfe", 0, "a program of macOS", PROGRAM),
    (b"\xce\xfa\xed\xfe", 0, "a program of macOS", PROGRAM),
    (b"\xca\xfe\xba\xbe", 0, "a program (Java or macOS)", PROGRAM),
    (b"\x00asm", 0, "a program (WebAssembly)", PROGRAM),
    (b"%PDF", 0, "a PDF document", DOCUMENT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an office file of the older kind, or an encrypted one", DOCUMENT),
    (b"\x89HDF\r\n\x1a\n", 0, "stored data or a model (HDF5)", MODEL),
    (b"\x93NUMPY", 0, "a stored array (NumPy)", DATA),
    (b"PAR1", 0, "a file of data (Parquet)", DATA),
    (b"ARROW1", 0, "a file of data (Arrow)", DATA),
    (b"ORC", 0, "a file of data (ORC)", DATA),
    (b"Obj\x01", 0, "a file of data (Avro)", DATA),
    (b"DUCK", 8, "a database (DuckDB)", DATA),
    (b"SQLite format 3\x00", 0, "a database (SQLite)", DATA),
    (b"<stata_dta>", 0, "a file of data (Stata)", DATA),
    (b"$FL2", 0, "a file of data (SPSS)", DATA),
    (b"RDX", 0, "a stored workspace (R)", MODEL),
    (b"X\n\x00\x00\x00", 0, "a stored object (R)", MODEL),
    (b"\x80\x02", 0, "a stored object (pickle)", MODEL),
    (b"\x80\x03", 0, "a stored object (pickle)", MODEL),
    (b"\x80\x04", 0, "a stored object (pickle)", MODEL),
    (b"\x80\x05", 0, "a stored object (pickle)", MODEL),
)
"""Marks of what is refused by name. What is not here and is no text either is refused as unknown."""

_SUSPECT_ONNX = re.compile(rb"\x08[\x01-\x1f]\x12")
_PDF_ANYWHERE = re.compile(rb"%PDF-\d")
_BEGINNING = 1_024
_BOXES = re.compile(rb"....ftyp", re.DOTALL)
_OTHER_PICTURES = (b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00", b"8BPS", b"\x00\x00\x00\x0cJXL ", b"\xff\x0a")


def picture_format(content: bytes) -> str | None:
    """PNG, JPEG, GIF or WEBP when the content begins as one."""
    return next((name for pattern, name in PICTURES if pattern.match(content)), None)


def require_single_face(content: bytes) -> None:
    """Raise `FileNotTaken` for content that is an archive or a document too, whatever it begins as."""
    if not content.startswith(ZIP) and zipfile.is_zipfile(io.BytesIO(content)):
        raise FileNotTaken(f"The file has an archive (ZIP) inside or behind it, whatever else it is. {ARCHIVE}")
    if _PDF_ANYWHERE.search(content[:_BEGINNING]):
        raise FileNotTaken(f"The file is a PDF document, perhaps beside something else. {DOCUMENT}")


def require_not_refused(content: bytes) -> None:
    """Raise `FileNotTaken` for bytes of a kind that is refused by name."""
    for mark, place, what, why in REFUSED:
        if content[place : place + len(mark)] == mark:
            raise FileNotTaken(f"The file is {what}. {why}")


def unknown_bytes(content: bytes) -> FileNotTaken:
    """Why content that is no text, and not known by name, is not taken."""
    if content.startswith(_OTHER_PICTURES) or _BOXES.match(content):
        return FileNotTaken(
            "The file is a picture or a film of a kind that is not taken. Save the figure as PNG and add that."
        )
    if _SUSPECT_ONNX.match(content):
        return FileNotTaken(f"The file is not known here; it may be a stored model (ONNX). {MODEL}")
    named = next((what for mark, what in INGRESS_SIGNATURES if content.startswith(mark)), None)
    if named is not None and named.startswith("text"):
        return FileNotTaken(
            f"The file is {named}. Only UTF-8 is read without a doubt; save it as UTF-8 and add it again."
        )
    return FileNotTaken(f"The file is of a kind that is not known. {UNKNOWN} Add text, a table, a workbook or a PNG.")
