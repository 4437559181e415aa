"""Bad input ends in one message (what, where, what to do) and exit code 1 or 2; what is harmless is set aside with its reason."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.flow.installation import Installation, free_port

pytestmark = pytest.mark.flow


def tone(path: Path, hertz: float, sr: int = 22_050, channels: int = 1, seconds: float = 1.2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(round(hertz)).standard_normal(int(sr * seconds)) * 0.05
    y = 0.4 * np.sin(2 * np.pi * hertz * np.arange(len(noise)) / sr) + noise
    soundfile.write(os.fsencode(path), np.stack([y] * channels, axis=1).astype("float32"), sr, format="WAV")
    return path


def one_message(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The command ended as it should: its exit code, one message at the end of stderr, no traceback."""
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said, said
    assert done.stderr.count("ostinato: ") == 1, said
    message = done.stderr[done.stderr.index("ostinato: ") :]
    for word in words:
        assert word in message, message


def labels(root: Path, *names: str) -> Path:
    """A folder with a file that was never opened below each label."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "1.wav").write_bytes(b"RIFF")
    return root


def table(root: Path, text: str) -> Path:
    root.mkdir()
    (root / "tracks.csv").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation in which nothing ran yet; what is refused here leaves it as it is."""
    return Installation.make(tmp_path_factory.mktemp("bare") / "home")


REFUSED = {
    "missing": (lambda p: p / "nowhere", "no such folder"),
    "empty": (lambda p: p, "no audio file in it"),
    "other files": (lambda p: (p / "a.txt").write_text("a") and p, "1 other files are there"),
    "a file": (lambda p: tone(p / "a.wav", 440), "it is one file"),
    "one label": (lambda p: labels(p, "solo"), "only one label, 'solo'"),
    "no label": (lambda p: tone(p / "a.wav", 440).parent, "no label for 1 tracks"),
    "empty table": (lambda p: table(p / "t", ""), "not readable as a table"),
    "table without rows": (lambda p: table(p / "t", "path,label\n"), "a header and no rows"),
    "table without files": (lambda p: table(p / "t", "name,label\nx,a\ny,b\n"), "no column `path`"),
    "table with one label": (lambda p: table(p / "t", "path,label\nx.wav,a\ny.wav,a\n"), "only one label, 'a'"),
    "a name too long": (lambda p: p / ("x" * 300), "cannot be looked at"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_source_that_cannot_be_learnt_from_leaves_no_workspace(bare: Installation, tmp_path: Path, case: str) -> None:
    make, words = REFUSED[case]
    source = tmp_path / "source"
    source.mkdir()
    one_message(bare.ostinato("run", "--source", str(make(source)), code=None), 1, str(tmp_path), words)
    assert not (bare.root / "workspaces").exists() or not list((bare.root / "workspaces").iterdir())


def test_a_source_that_holds_the_installation_is_refused(bare: Installation) -> None:
    one_message(bare.ostinato("run", "--source", "..", "--name", "self", code=None), 1, "learn from itself")
    assert not (bare.root / "workspaces" / "self").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--problem", "nope"), "there is no problem 'nope'"),
        (("--source", "configs", "--name", "Bad.Name"), "not a workspace's name"),
        (("--source", "configs", "--name", "demo"), "the name of the default workspace"),
        (("--name", "nowhere"), "there is no workspace 'nowhere'"),
    ],
)
def test_a_wrong_option_is_bad_usage(bare: Installation, words: tuple[str, ...], message: str) -> None:
    one_message(bare.ostinato("run", *words, code=None), 2, message)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda v: v | {"frobnicate": 1}, ("params.yaml: 1 fault", "frobnicate: unknown key")),
        (lambda v: v | {"name": "A.B"}, ("name: ", "is not a name")),
        (lambda v: v | {"baseline": {"rows": "many", "seed": 1.5}}, ("2 faults", "baseline.rows", "baseline.seed")),
        (lambda v: None, ("params.yaml: 1 fault", "valid dictionary")),
        (lambda v: "[", ("not readable as YAML",)),
    ],
)
def test_params_say_every_fault_at_once(bare: Installation, fault, words: tuple[str, ...]) -> None:
    import yaml

    path = bare.root / "params.yaml"
    good = path.read_text()
    wrong = fault(yaml.safe_load(good))
    try:
        path.write_text(wrong if isinstance(wrong, str) else yaml.safe_dump(wrong))
        one_message(bare.ostinato("run", code=None), 2, *words)
    finally:
        path.write_text(good)


def test_a_busy_port_is_named_with_the_variable_that_moves_it(bare: Installation) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        done = bare.ostinato("ui", code=None, OSTINATO_MLFLOW_PORT=port)
        one_message(done, 1, f"port {port}", f"OSTINATO_MLFLOW_PORT={int(port) + 1}")
        done = bare.ostinato("deploy", code=None, OSTINATO_PREFECT_PORT=port)
        one_message(done, 1, f"port {port}", f"OSTINATO_PREFECT_PORT={int(port) + 1}")
    one_message(bare.ostinato("ui", code=None, OSTINATO_MLFLOW_PORT="http"), 2, "OSTINATO_MLFLOW_PORT")


def test_a_model_that_is_not_registered(bare: Installation, tmp_path: Path) -> None:
    clip = str(tone(tmp_path / "a.wav", 440))
    one_message(
        bare.ostinato("predict", "demo.genre", clip, code=None), 1, "no such model is registered", "ostinato run"
    )
    one_message(bare.ostinato("predict", "genre", clip, code=None), 2, "<workspace>.<problem>")


# --- sources with harmless faults -------------------------------------------------------------------------------------

RATES = (8_000, 11_025, 44_100, 96_000, 7_350, 48_000, 22_050)
NAMES = ("😀🎵", "שלום", "a" * 200, "-dash", "sp ace", "quo'te\"", "new\nline")


def three_hours(path: Path) -> None:
    minute = 0.3 * np.sin(2 * np.pi * 550 * np.arange(8_000 * 60) / 8_000)
    with soundfile.SoundFile(os.fsencode(path), "w", 8_000, 1, subtype="PCM_U8") as file:
        for _ in range(180):
            file.write(minute)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Every harmless fault at once: rates, names, copies, a lone label, and four files of 29 that are not audio."""
    root = tmp_path / "Mü$ic ${x} 'q\" \n -音楽"
    for number, label in enumerate(("Rock", "rock", "日本")):
        for position, (rate, name) in enumerate(zip(RATES, NAMES, strict=True)):
            tone(root / label / f"{name}.wav", 220 * 1.6**number + 5 * position, rate, 1 + position % 2)
    tone(root / "lonely" / "one.wav", 1_000)
    shutil.copy(root / "Rock" / "-dash.wav", root / "Rock" / "copy.wav")
    shutil.copy(root / "Rock" / "sp ace.wav", root / "rock" / "conflict.wav")
    (root / "Rock" / "empty.wav").touch()
    (root / "Rock" / "text.mp3").write_text("hello")
    whole = (root / "Rock" / "😀🎵.wav").read_bytes()
    (root / "rock" / "cut.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(root / "rock" / "zero.wav", np.zeros(0, "float32"), 22_050)
    three_hours(root / "日本" / "long.wav")
    return root


def test_harmless_faults_are_set_aside_with_reasons(tmp_path: Path, zoo: Path) -> None:
    home = Installation.make(tmp_path / "home")
    done = home.ostinato("run", "--source", str(zoo), "--name", "zoo", "--json")
    (zoo / "日本" / "long.wav").unlink()
    root = home.root / "workspaces" / "zoo"
    aside = pd.read_parquet(root / "data/reports/quality/quarantine.parquet").set_index("track_id")["reason"]
    assert "empty file" in aside["Rock/empty.wav"]
    assert "not audio" in aside["Rock/text.mp3"]
    assert "truncated" in aside["rock/cut.wav"]
    assert "0 seconds" in aside["rock/zero.wav"]
    clean = pd.read_parquet(root / "data/clean/tracks.parquet").set_index("track_id")
    assert {"Rock", "rock", "日本", "lonely"} == set(clean["label"])  # labels that differ by case are two
    assert clean.loc["日本/long.wav", "duration"] == 3 * 3600
    assert len({"Rock/copy.wav", "Rock/-dash.wav"} & set(clean.index)) == 1  # a copy counts once
    assert not {"Rock/sp ace.wav", "rock/conflict.wav"} & set(clean.index)  # one recording under two labels: neither
    assert home.step_report("extract", "zoo")["failed"] == 0
    assert home.step_report("split@genre", "zoo")["left_out"] == {"lonely": 1}
    assert '"name": "zoo.genre"' in done.stdout


def test_a_long_file_takes_little_memory(tmp_path: Path) -> None:
    three_hours(tmp_path / "long.wav")
    code = (
        "import resource, sys; from pathlib import Path; from ostinato.audio.extractor import AudioFeatureExtractor as E\n"
        "from ostinato.catalog.probe import probe; path = Path(sys.argv[1])\n"
        "E(seconds=30, n_jobs=1).transform([tone := path.with_name('short.wav')]); before = resource.getrusage(0).ru_maxrss\n"
        "assert probe(path).duration == 10800 and len(E(seconds=30, n_jobs=1).transform([path])) == 1\n"
        "print(resource.getrusage(0).ru_maxrss - before)"
    )
    tone(tmp_path / "short.wav", 440, seconds=31)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "long.wav")],
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "long.wav").unlink()
    assert int(done.stdout) < 100 * 1024, done.stdout  # KiB; all of it as float32 would be 345 MB


def test_a_table_as_an_office_program_writes_it(tmp_path: Path, bare: Installation) -> None:
    """A byte-order mark, semicolons, Windows line ends and a label with a slash: read; files that are not there: named."""
    root = tmp_path / "office"
    rows = [f"music\\{n}.wav;{'drum/bass' if n % 2 else 'NA'}" for n in range(8)]
    root.mkdir()
    (root / "tracks.csv").write_bytes(("\ufeffpath;label\r\n" + "\r\n".join(rows) + "\r\n").encode())
    for number in range(6):
        tone(root / "music" / f"{number}.wav", 300 + 40 * number)
    step = "import sys; from ostinato.catalog.source import read_folder; from pathlib import Path\n"
    code = (
        step
        + "t = read_folder(Path(sys.argv[1])).tracks; print(t[['label', 'readable', 'problem']].to_csv(index=False))"
    )
    said = bare.run(sys.executable, "-c", code, str(root)).stdout
    assert said.count("drum/bass,True,") == 3
    assert said.count("NA,True,") == 3
    assert said.count("there is no such file") == 2


def test_a_catalogue_most_of_which_is_no_audio_is_refused(tmp_path: Path) -> None:
    home = Installation.make(tmp_path / "home")
    for label in "ab":
        tone(tmp_path / "bad" / label / "good.wav", 440)
        for number in range(3):
            (tmp_path / "bad" / label / f"{number}.wav").write_text("no audio")
    done = home.ostinato("run", "--source", str(tmp_path / "bad"), code=None)
    one_message(done, 1, "step check: ", "the file cannot be read", "6 of 8 rows", "Mend the source and run again")
    assert (home.root / "workspaces/bad/data/reports/quality/quarantine.parquet").is_file()


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, bare: Installation) -> None:
    source = labels(tmp_path / "source", "a", "b")
    (source / "a" / "gone.wav").symlink_to("/nowhere/else.wav")
    try:
        done = bare.ostinato("run", "--source", str(source), code=None)
        one_message(done, 1, "a/gone.wav", "leads nowhere", "Remove or mend it")
    finally:
        shutil.rmtree(bare.root / "workspaces")


# --- a finished line meets trouble ------------------------------------------------------------------------------------


def change_extract(installation: Installation) -> None:
    """Make `extract` hear everything anew, more slowly than the small clips alone would."""
    installation.change(lambda v: v["extract"].update(seconds=20.0))


def until(process: subprocess.Popen[str], word: str, most: float = 120) -> str:
    assert process.stderr is not None
    said, end = "", time.monotonic() + most
    for line in process.stderr:
        said += line
        if word in line or time.monotonic() > end:
            break
    assert word in said, said
    return said


def same_model(installation: Installation, version: str = "1.0.0") -> None:
    """What was registered before is there and answers."""
    models = installation.json("status")["models"]
    assert version in [m["version"] for m in models if m["name"] == "demo.genre"]


def test_files_that_are_no_audio_do_not_hide_the_answers_for_others(finished: Installation, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "empty.wav").touch()
    files = [
        tone(tmp_path / "good.wav", 440, seconds=4),
        tmp_path / "text.wav",
        tmp_path / "empty.wav",
        tmp_path / "none.wav",
        tmp_path,
    ]
    done = finished.ostinato("predict", "demo.genre", *map(str, files), "--json", code=1)
    assert [Path(row["path"]).name for row in json.loads(done.stdout)["predictions"]] == ["good.wav"]
    for file, reason in zip(files[1:], ("not audio", "empty file", "no such file", "is a folder"), strict=True):
        assert any(line.startswith(f"ostinato: {file}: ") and reason in line for line in done.stderr.splitlines()), (
            done.stderr
        )
    assert "Traceback" not in done.stderr


def test_a_damaged_registry_is_named_and_left_alone(installation: Installation) -> None:
    base = installation.root / ".ostinato" / "mlflow.db"
    good, noise = base.read_bytes(), np.random.default_rng(1).bytes(20_000)
    base.write_bytes(noise)
    for leftover in base.parent.glob("mlflow.db-*"):
        leftover.unlink()
    one_message(installation.ostinato("run", code=None), 1, str(base), "cannot be opened", "move it away")
    assert base.read_bytes() == noise
    base.write_bytes(good)
    same_model(installation)


def test_a_torn_lock_file_is_mended(installation: Installation) -> None:
    lock = installation.root / "dvc.lock"
    before = installation.lock()
    lock.write_bytes(lock.read_bytes()[:700])
    installation.ostinato("run")
    assert installation.lock() == before


def test_two_runs_at_once_and_control_c(installation: Installation) -> None:
    change_extract(installation)
    process = installation.start("run", OSTINATO_JOBS="1")
    until(process, "… extract")
    one_message(
        installation.ostinato("run", code=None), 1, str(installation.root), "is under way here", "Wait for it to end"
    )
    until(process, "    extract ")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert said.count("ostinato: stopped. What was finished is kept") == 1, said
    assert "Traceback" not in said
    same_model(installation)
    installation.ostinato("run")
    report = installation.step_report("extract")
    assert report["cached"] > 0, report
    assert report["cached"] + report["extracted"] == report["clips"]


@pytest.fixture
def prefect(installation: Installation) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Prefect server of its own: its API's URL and its process."""
    url = f"http://127.0.0.1:{(port := free_port())}/api"
    words = [
        str(Path(sys.executable).with_name("prefect")),
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    (installation.root / ".ostinato" / "other").mkdir()
    env = installation.environment() | {"PREFECT_HOME": str(installation.root / ".ostinato" / "other")}
    process = subprocess.Popen(
        words,
        env=env,
        cwd=installation.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urlopen(url + "/health", timeout=1):
                break
            time.sleep(0.2)
        yield url, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_server_that_is_killed_and_one_that_never_was(installation: Installation, prefect) -> None:
    url, server = prefect
    installation.change(lambda v: v["problems"]["genre"]["search"].update(trials=9))
    process = installation.start("run", PREFECT_API_URL=url)
    until(process, "… search")
    os.killpg(server.pid, signal.SIGKILL)
    _, said = process.communicate(timeout=150)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert said.count("ostinato: ") == 1
    assert f"the Prefect server at {url} does not answer" in said
    one_message(installation.ostinato("run", code=None, PREFECT_API_URL=url), 1, url, "unset PREFECT_API_URL")
    same_model(installation)


def mounted(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")


@contextlib.contextmanager
def mount(where: Path, *words: str) -> Iterator[None]:
    where.mkdir(exist_ok=True)
    mounted(*words, str(where))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def test_a_full_disk_loses_nothing(finished: Installation, tmp_path: Path) -> None:
    size = sum(p.stat().st_blocks * 512 for p in finished.root.rglob("*") if p.is_file()) + (12 << 20)
    home = tmp_path / "small"
    with mount(home, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        shutil.copytree(finished.root, home, symlinks=True, dirs_exist_ok=True)
        there = Installation(home)
        before = there.lock()
        change_extract(there)
        ballast = home / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))
        done = there.ostinato("run", code=None)
        one_message(done, 1, "What was", "kept", "run")
        assert there.lock() == before
        ballast.unlink()
        same_model(there)


def test_a_file_size_limit_is_named(installation: Installation) -> None:
    change_extract(installation)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384))

    done = subprocess.run(
        [sys.executable, "-m", "ostinato", "step", "extract"], cwd=installation.root, env=installation.environment(),
        capture_output=True, text=True, check=False, preexec_fn=limit,
    )  # fmt: skip
    one_message(done, 1, "What was already computed is kept", "run the same command again")


def test_a_read_only_disk_is_named(installation: Installation) -> None:
    change_extract(installation)
    root = str(installation.root)
    with mount(installation.root, "--bind", root):
        mounted("-o", "remount,ro,bind", root)
        one_message(installation.ostinato("run", code=None), 1, root, "cannot be written to")
        one_message(installation.ostinato("run", "--source", "configs", code=None), 1)
    same_model(installation)
