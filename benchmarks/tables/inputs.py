"""What the benchmarks run on: Parquet files that product and peers read alike, made once from fixed seeds."""

import json
from pathlib import Path

import duckdb

from benchmarks.tables.environments import ROOT
from benchmarks.tables.instances import instance

FOLDER = ROOT / "inputs"


def businesses(rows: int) -> Path:
    """`region` (12, skewed), `sector` (20), `turnover` (lognormal): a table of 240 cells. Every row is a unit."""
    query = f"""
        SELECT 'r' || floor(12 * random() * random())::INT AS region, 's' || floor(20 * random())::INT AS sector,
            round(exp(4 + 1.5 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())), 2) AS turnover
        FROM range({rows})
    """  # noqa: S608 - a number
    return _made(f"businesses-{rows}", query)


def people(rows: int) -> Path:
    """`area` (300), `age` (18), `sex` (2) and `rkey`, a record key from 0 to 255. Every row is a unit."""
    query = f"""
        SELECT floor(300 * random())::INT AS area, floor(18 * random())::INT AS age, floor(2 * random())::INT AS sex,
            floor(256 * random())::INT AS rkey
        FROM range({rows})
    """  # noqa: S608 - a number
    return _made(f"people-{rows}", query)


def table(kind: str, cells: int) -> Path:
    """A folder with the microdata and the hierarchies of one instance."""
    folder = FOLDER / f"{kind.replace(' ', '-')}-{cells}"
    if not (folder / "hierarchies.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = instance(kind, cells)
        made.data.to_parquet(folder / "data.parquet")
        trees = {
            name: [(code, each.children(code)) for code in each.codes if each.children(code)]
            for name, each in made.dimensions.items()
        }
        (folder / "hierarchies.json").write_text(json.dumps(trees))
    return folder


def _made(name: str, query: str) -> Path:
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SELECT setseed(0.5)")
            connection.execute(f"COPY ({query}) TO '{unfinished}' (FORMAT parquet)")
        unfinished.rename(path)
    return path
