"""Files that a person made: what they are, by their content, and how a page shows them without their doing anything.

    take(name, content) ──▶ TakenFile      what is stored, reviewed and would leave, with its findings
         │                      │
         │                      └─ inert(kind, content) ──▶ lines, cells or a picture, for a page
         └─ FileNotTaken: a sentence that says what it is, why it is not taken, and what to do

Nothing here is unpacked, loaded as an object or run. Pictures, drawings and workbooks are read by a process of its own
(`safe_outputs.decoding`), and what was read is written anew: what was seen is what leaves, and nothing beside it.
"""

from safe_outputs.files.errors import FileNotTaken
from safe_outputs.files.kinds import KINDS, FileKind
from safe_outputs.files.taking import TakenFile, take

__all__ = ["KINDS", "FileKind", "FileNotTaken", "TakenFile", "take"]
