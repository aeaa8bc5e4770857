"""Versions of what the API answers, against lost updates (RFC 9110, section 13).

A version's tag is made from the bytes of the answer and from nothing else. So it says no more than the answer does:
what its reader may not see changes neither. Each reader has tags of her own.
"""

import hashlib

from flask import g, request
from pydantic import BaseModel

from safe_outputs.web.api.errors import NoVersionNamed, Stale

_COMPARED = "api_compared"


def content_of(answer: BaseModel) -> bytes:
    """The answer's JSON, as it is sent."""
    return answer.model_dump_json().encode()


def tag_of(content: bytes) -> str:
    """The strong tag of an answer's bytes, without its quotation marks."""
    return hashlib.sha256(content).hexdigest()[:32]


def etag(answer: BaseModel) -> str:
    """The tag as the header `ETag` has it, and as a body can name it."""
    return f'"{tag_of(content_of(answer))}"'


def is_same(content: bytes) -> bool:
    """Whether the caller says that she has this version already."""
    return request.if_none_match.contains_weak(tag_of(content))


def require_named() -> None:
    """Raise `NoVersionNamed` unless the call names versions; “any version” (*) names none."""
    if not request.if_match or request.if_match.star_tag:
        raise NoVersionNamed


def require_match(present: BaseModel) -> None:
    """Raise `Stale` unless the call is about the present version. Ask in the transaction that makes the change."""
    setattr(g, _COMPARED, True)
    if not request.if_match.contains(tag_of(content_of(present))):
        raise Stale


def require_same(tag: str, present: BaseModel) -> None:
    """Raise `Stale` unless a body names the present version of what it changes."""
    if tag != etag(present):
        raise Stale


def was_compared() -> bool:
    """Whether this call's version was compared with the present one."""
    return bool(g.get(_COMPARED, False))
