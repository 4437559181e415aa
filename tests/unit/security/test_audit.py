import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ostinato.security import audit


def test_every_entry_follows_from_the_one_before(tmp_path: Path):
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: audit.append(path, "version.approved", by=f"person {i}"), range(40)))
    assert len(audit.read(path)) == 40
    assert audit.first_broken(path) is None


def test_a_changed_or_missing_entry_shows(tmp_path: Path):
    path = tmp_path / "audit.jsonl"
    for i in range(5):
        audit.append(path, "event", number=i)
    lines = path.read_text().splitlines()
    changed = json.loads(lines[2]) | {"number": 7}
    path.write_text("\n".join([*lines[:2], json.dumps(changed), *lines[3:]]) + "\n")
    assert audit.first_broken(path) == 2
    path.write_text("\n".join([*lines[:2], *lines[3:]]) + "\n")
    assert audit.first_broken(path) == 2
