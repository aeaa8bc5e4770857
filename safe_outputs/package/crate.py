"""A release as an RO-Crate: what a machine of somebody else reads about it.

RO-Crate Metadata Specification 1.2 (https://w3id.org/ro/crate/1.2): one flat JSON-LD graph with the descriptor, the
root data entity, a `File` for every file, and entities for people, organisations, sources, software, rules and acts.
Pure: everything is taken from the record and the files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from safe_outputs.store import digest_of

CONTEXT = "https://w3id.org/ro/crate/1.2/context"
CONFORMS_TO = "https://w3id.org/ro/crate/1.2"
DESCRIPTOR = "ro-crate-metadata.json"
ROOT = "./"
LICENCE = "#licence"
NANO = 1_000_000_000

MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "pem": "application/x-pem-file",
    "sig": "application/octet-stream",
    "txt": "text/plain",
}

LICENCES = {
    "publication": "Published for everybody. No licence is stated; for reuse, ask the project and the data owner.",
    "pre_publication": "For the named team of the project and the data owner's delegates alone. Not for publication.",
}

ROLES = {
    "researcher": "researcher",
    "output_checker": "output checker",
    "data_owner": "data owner",
    "data_steward": "data steward",
    "operator": "operator",
}

Entity = dict[str, Any]


def media_type(name: str) -> str:
    """The media type of a file of a package, by the end of its name."""
    return MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def crate(record: Mapping[str, Any], files: Mapping[str, bytes], unlisted: Sequence[str] = ()) -> dict[str, Any]:
    """The content of `ro-crate-metadata.json`.

    `files` are those that the crate describes with size and SHA-256; `unlisted` are made after it (they sign it) and
    are named alone. The graph is ordered by `@id`, after the descriptor and the root.
    """
    found = _together(_entities(record, files, unlisted))
    first = [found.pop(DESCRIPTOR), found.pop(ROOT)]
    return {"@context": CONTEXT, "@graph": [*first, *(found[each] for each in sorted(found))]}


def _together(entities: Iterable[Entity]) -> dict[str, Entity]:
    """By `@id`. The same person or source may be told of several times, and is one entity."""
    found: dict[str, Entity] = {}
    for each in entities:
        found[each["@id"]] = found.get(each["@id"], {}) | {name: value for name, value in each.items() if value != ""}
    return found


def _entities(record: Mapping[str, Any], files: Mapping[str, bytes], unlisted: Sequence[str]) -> Iterator[Entity]:
    yield {
        "@id": DESCRIPTOR,
        "@type": "CreativeWork",
        "about": _to(ROOT),
        "conformsTo": _to(CONFORMS_TO),
    }
    yield _root(record, [*files, *unlisted])
    yield {
        "@id": LICENCE,
        "@type": "CreativeWork",
        "name": "Terms of use",
        "description": LICENCES[record["audience"]],
    }
    project = record["project"]
    yield {"@id": _project(record), "@type": "Organization", "name": project["name"], "description": project["purpose"]}
    yield from _files(files, unlisted)
    yield from _people(record)
    yield from _software(record["software"])
    yield from _acts(record)
    for each in record["statistics"]:
        yield from _statistic(record, each)
    for each in record["files"]:
        yield from _made_by_people(record, each)


def _root(record: Mapping[str, Any], names: Iterable[str]) -> Entity:
    return {
        "@id": ROOT,
        "@type": "Dataset",
        "identifier": record["id"],
        "name": record["title"],
        "description": record["purpose"],
        "datePublished": record["released_at"],
        "license": _to(LICENCE),
        "author": _to(_person_id(record["author"])),
        "publisher": _to(_project(record)),
        "hasPart": _all(sorted(names)),
        "isBasedOn": _all(sorted({_source(each) for each in record["statistics"]})),
        "mentions": _all(sorted([*_what_was_made(record), *_act_ids(record)])),
    }


def _files(files: Mapping[str, bytes], unlisted: Sequence[str]) -> Iterator[Entity]:
    for name, content in files.items():
        yield _file(name) | {"contentSize": str(len(content)), "sha256": digest_of(content)}
    yield from (_file(name) for name in unlisted)


def _file(name: str) -> Entity:
    kind = media_type(name)
    return {"@id": name, "@type": "File", "name": name, "encodingFormat": kind}


def _people(record: Mapping[str, Any]) -> Iterator[Entity]:
    """Everybody who had a part, with the role and the organisation that the register has."""
    for person in (record["author"], *record["owners"], *record["approvals"]):
        organisation = f"#organisation-{_slug(person['organisation'])}"
        yield {"@id": organisation, "@type": "Organization", "name": person["organisation"]}
        yield {
            "@id": _person_id(person),
            "@type": "Person",
            "identifier": person["name"],
            "name": person["full_name"],
            "jobTitle": ROLES[person["role"]],
            "affiliation": _to(organisation),
        }


def _software(versions: Mapping[str, str]) -> Iterator[Entity]:
    for name, version in versions.items():
        yield {
            "@id": _software_id(name, version),
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": version,
        }


def _acts(record: Mapping[str, Any]) -> Iterator[Entity]:
    """Who agreed, approved and released, and when."""
    for owner in record["owners"]:
        yield {
            "@id": f"#agreement-{owner['dataset']}",
            "@type": "AuthorizeAction",
            "name": f"Agreement on {owner['dataset']}, version {owner['version']}",
            "agent": _to(_person_id(owner)),
            "endTime": owner["at"],
        }
    for number, approval in enumerate(record["approvals"], start=1):
        yield {
            "@id": f"#approval-{number}",
            "@type": "EndorseAction",
            "name": "Approval after review",
            "description": f"The content that was approved has the SHA-256 {approval['content_hash']}.",
            "agent": _to(_person_id(approval)),
            "object": _to(ROOT),
            "endTime": approval["at"],
        }
    version = record["software"]["saferoom"]
    yield {
        "@id": "#release",
        "@type": "CreateAction",
        "name": "Release",
        "instrument": _to(_software_id("saferoom", version)),
        "result": _to(ROOT),
        "endTime": record["released_at"],
    }


def _act_ids(record: Mapping[str, Any]) -> list[str]:
    return [each["@id"] for each in _acts(record)]


def _statistic(record: Mapping[str, Any], statistic: Mapping[str, Any]) -> Iterator[Entity]:
    """How one file came about: asked in words, computed from which source by which software, under which rules."""
    source, profile = statistic["source"], statistic["profile"]
    yield {
        "@id": _source(statistic),
        "@type": "Dataset",
        "name": source["title"],
        "version": str(source["version"]),
        "identifier": source["dataset"],
        "sha256": source["version_digest"],
        "description": f"Not in this package. The project's copy has the SHA-256 {source['copy_digest']}.",
    }
    yield {
        "@id": _profile_id(profile),
        "@type": "CreativeWork",
        "name": f"Rule profile {profile['name']}",
        "version": profile["version"],
        "sha256": profile["digest"],
    }
    yield from _software(statistic["software"])
    parameters = list(_parameters(statistic))
    yield from parameters
    yield {
        "@id": _statistic_id(statistic),
        "@type": "CreateAction",
        "name": statistic["in_words"],
        "agent": _to(_person_id(record["author"])),
        "instrument": _all(_software_id(*each) for each in sorted(statistic["software"].items())),
        "object": [_to(_source(statistic)), _to(_profile_id(profile)), *_all(each["@id"] for each in parameters)],
        "result": _to(statistic["file"]["name"]),
        "startTime": statistic["asked_at"] or "",
        "endTime": statistic["answered_at"] or "",
    }


def _what_was_made(record: Mapping[str, Any]) -> list[str]:
    return [*(_statistic_id(each) for each in record["statistics"]), *(_made_id(each) for each in record["files"])]


def _made_by_people(record: Mapping[str, Any], file: Mapping[str, Any]) -> Iterator[Entity]:
    """A file that a person made (provenance manual), with what its author states of it."""
    said, name = file["statement"], file["file"]["name"]
    yield _file(name) | {
        "alternateName": file["called"],
        "description": said["shows"],
        "encodingFormat": file["file"]["media_type"],
    }
    stated = {
        "provenance": (file["provenance"], "Made by a person; no rule has computed it anew"),
        "kind": (file["kind"], "What its bytes are"),
        "what": (said["what"], "What kind of output its author says it is"),
        "why-safe": (said["why_safe"], "Why nobody can be told from it, as its author says"),
        "data": (", ".join(said["data"]), "The datasets from which its author says it was made"),
        "units": (said["units"], "How many units stand behind it, as its author says"),
        "smallest": (said["smallest"], "How few units stand behind its smallest part, as its author says"),
        "largest-two-percent": (said["largest_two_percent"], "Percentage of a total from two units, at the most"),
        "degrees-of-freedom": (said["degrees_of_freedom"], "Residual degrees of freedom, as its author says"),
    }
    parameters = [
        {"@id": f"{_made_id(file)}-{key}", "@type": "PropertyValue", "name": key, "value": value, "description": words}
        for key, (value, words) in stated.items()
        if value not in {None, ""}
    ]
    yield from parameters
    yield {
        "@id": _made_id(file),
        "@type": "CreateAction",
        "name": f"Made by a person: {said['shows']}",
        "description": said["made"],
        "agent": _to(_person_id(record["author"])),
        "object": _all(each["@id"] for each in parameters),
        "result": _to(name),
        "endTime": file["handed_in_at"],
    }


def _made_id(file: Mapping[str, Any]) -> str:
    return f"#file-{file['id']}"


def _parameters(statistic: Mapping[str, Any]) -> Iterator[Entity]:
    """Rules, hashes and charges as name and value; the record has each of them in full."""
    noise, charge, policy = statistic["noise"], statistic["charge"], statistic["policy"]
    yield _parameter(statistic, "plan", statistic["plan_hash"], "SHA-256 of the plan, which is in release.json")
    yield _parameter(statistic, "code", statistic["code_hash"], "SHA-256 of the code that asked")
    yield _parameter(statistic, "provenance", statistic["provenance"], "How far the numbers were computed anew")
    yield _parameter(statistic, "verdict", statistic["verdict"], "What the rules said")
    yield _parameter(statistic, "withheld", statistic["withheld"], f"Cells withheld, of {statistic['cells']}")
    for number, finding in enumerate(statistic["findings"], start=1):
        said = f"{finding['sentence']} Limit: {finding['limit']}. Source: {finding['source']}"
        yield _parameter(statistic, f"rule-{number}", finding["rule"], said)
    if policy:
        yield _parameter(statistic, "policy", policy["digest"], "SHA-256 of the data owner's release terms")
    if noise:
        yield _parameter(statistic, "mechanism", noise["mechanism"], noise["guarantee"])
    if charge:
        yield _parameter(
            statistic, "charge-rho", charge["nano_rho"] / NANO, f"Charge {charge['id']} to the privacy ledger"
        )
        yield _parameter(statistic, "charge-delta", charge["nano_delta"] / NANO, f"Charge {charge['id']}, unknown keys")


def _parameter(statistic: Mapping[str, Any], name: str, value: str | float, description: str) -> Entity:
    return {
        "@id": f"{_statistic_id(statistic)}-{name}",
        "@type": "PropertyValue",
        "name": name,
        "value": value,
        "description": description,
    }


def _to(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _all(identifiers: Iterable[str]) -> list[dict[str, str]]:
    return [_to(each) for each in identifiers]


def _project(record: Mapping[str, Any]) -> str:
    return f"#project-{record['project']['id']}"


def _person_id(person: Mapping[str, str]) -> str:
    return f"#person-{person['name']}"


def _software_id(name: str, version: str) -> str:
    return f"#software-{name}-{_slug(version)}"


def _profile_id(profile: Mapping[str, str]) -> str:
    return f"#profile-{_slug(profile['name'])}-{_slug(profile['version'])}"


def _source(statistic: Mapping[str, Any]) -> str:
    return f"#dataset-{statistic['source']['dataset']}-{statistic['source']['version']}"


def _statistic_id(statistic: Mapping[str, Any]) -> str:
    return f"#statistic-{statistic['id']}"


def _slug(text: str) -> str:
    """The text as part of an identifier: what an address cannot hold is written as its code."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "-._") else f"~{ord(each):x}" for each in text)
