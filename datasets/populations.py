"""Which datasets are about the same people, and so share what the privacy ledger keeps of them.

The steward names the population in the catalogue; where she names none it is the dataset's name. Names are compared and
nothing else: whether two datasets are about the same people, the software cannot know.
"""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from datasets.catalogue import Catalogue
from datasets.versions import newest_versions, versions_of


def population_of(session: Session, dataset: str) -> str:
    """The population of a dataset; of one without a version here, its name."""
    versions = versions_of(session, dataset)
    return versions[-1].catalogue.people if versions else dataset


def populations(session: Session, datasets: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
    """The populations of these datasets (of all, without them), and all datasets of each, both by name."""
    newest = {each.dataset: each.catalogue.people for each in newest_versions(session)}
    found: dict[str, list[str]] = {}
    for dataset, population in newest.items():
        found.setdefault(population, []).append(dataset)
    if datasets is not None:
        wanted = {newest.get(each, each): each for each in datasets}
        return {name: tuple(found.get(name, [wanted[name]])) for name in sorted(wanted)}
    return {name: tuple(found[name]) for name in sorted(found)}


def why_not_population(session: Session, catalogue: Catalogue) -> str | None:
    """Why a new version cannot be of the population that its catalogue names, or None."""
    if (versions := versions_of(session, catalogue.name)) and versions[-1].catalogue.people != catalogue.people:
        before = versions[-1].catalogue.people
        return (
            f"{catalogue.name} is of the population “{before}”, and this catalogue says “{catalogue.people}”. What was "
            f'spent of it is kept under that name, so it stays: write population = "{before}", or take the file in '
            "under another dataset name."
        )
    for dataset in populations(session).get(catalogue.people, ()):
        other = versions_of(session, dataset)[-1].catalogue
        if other.owner != catalogue.owner:
            return (
                f"The population “{catalogue.people}” is that of {dataset}, which belongs to {other.owner}: only its "
                "owner's budget can be spent of it. Choose another population name, or agree with that owner on one "
                "owner for both."
            )
        if dataset != catalogue.name and other.unit.singular != catalogue.unit.singular:
            return (
                f"The population “{catalogue.people}” counts each {other.unit.singular} ({dataset}), and this "
                f"catalogue counts each {catalogue.unit.singular}. One budget protects one unit: choose another "
                "population name."
            )
    return None
