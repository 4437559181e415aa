"""The environment of the peers, `.ostinato/peers`, made from locks; Ostinato is not in it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "benchmarks" / "peers"
PEERS = ROOT / ".ostinato" / "peers"
PYTHON = PEERS / "bin" / "python"
TORCH = "torch==2.13.0"


def wanted() -> str:
    """What the environment is made from, in one word."""
    locks = b"".join((LOCKS / name).read_bytes() for name in ("requirements.lock", "tables.lock"))
    return hashlib.sha256(locks + TORCH.encode()).hexdigest()


def ready() -> bool:
    mark = PEERS / ".ready"
    return PYTHON.exists() and mark.exists() and mark.read_text() == wanted()


def prepare() -> None:
    """Make the environment where it is missing or of another lock: some 3 GB, a few minutes."""
    if ready():
        return
    print(f"making the peers' environment in {PEERS.relative_to(ROOT)} (about 3 GB, some minutes) …", flush=True)
    uv = str(Path(sys.executable).parent / "uv")
    if not PYTHON.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(PEERS)], check=True)
    quietly = ["--quiet", "--python", str(PYTHON), "--compile-bytecode"]
    locks = [str(LOCKS / name) for name in ("requirements.lock", "tables.lock")]
    subprocess.run([uv, "pip", "sync", *quietly, "--require-hashes", *locks], check=True)
    subprocess.run([uv, "pip", "install", *quietly, *_torch()], check=True)
    (PEERS / ".ready").write_text(wanted())


def _torch() -> list[str]:
    """torch is not locked: a CPU build that lies at PIP_FIND_LINKS is taken, else the registry's, with what it needs."""
    links = os.environ.get("PIP_FIND_LINKS")
    return ["--no-deps", "--find-links", links, TORCH] if links else [TORCH]


def version(package: str) -> str:
    """The installed version of a peer's package."""
    name = package.replace(".", "_").replace("-", "_")
    found = sorted((PEERS / "lib").glob(f"python3*/site-packages/{name}-*.dist-info"))
    return found[-1].name.removesuffix(".dist-info").rsplit("-", 1)[1] if found else "not installed"
