from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ostinato.core.errors import StorageError
from ostinato.features.cache import FeatureCache

RNG = np.random.default_rng(0)


def vector(n: int = 100) -> np.ndarray:
    return RNG.normal(size=n).astype(np.float32)


def test_gives_back_what_was_put(tmp_path: Path) -> None:
    one, two = vector(), vector(518)
    with FeatureCache(tmp_path) as cache:
        cache.put("a", one)
        cache.put("b", two)
        cache.put("a", two)
        np.testing.assert_array_equal(cache.get("a"), two)
        assert cache.get("c") is None
    with FeatureCache(tmp_path) as again:
        np.testing.assert_array_equal(again.get("b"), two)
        stats = again.stats()
        assert (stats.entries, stats.hits, stats.misses) == (2, 1, 0)


def test_is_bounded_and_forgets_the_oldest(tmp_path: Path) -> None:
    size = 400 + 160
    with FeatureCache(tmp_path, max_bytes=20 * size) as cache:
        for k in range(100):
            cache.put(f"{k:03d}", vector())
            assert cache.stats().bytes <= 20 * size
        assert cache.get("000") is None
        assert cache.get("099") is not None
        assert cache.stats().entries >= 18


def test_what_is_used_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostinato.features.cache._REMEMBERED", 0)
    with FeatureCache(tmp_path, max_bytes=20 * 560) as cache:
        for k in range(60):
            cache.put(f"{k:03d}", vector())
            assert cache.get("000") is not None


def test_a_vector_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    with FeatureCache(tmp_path, max_bytes=100) as cache:
        cache.put("a", vector())
        assert cache.stats().entries == 0


def test_clear_gives_space_back(tmp_path: Path) -> None:
    with FeatureCache(tmp_path) as cache:
        for k in range(2_000):
            cache.put(str(k), vector(500))
        assert cache.clear() == 2_000
        assert cache.stats().entries == cache.stats().bytes == 0
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 200_000


def test_ten_thousand_entries_are_quick(tmp_path: Path) -> None:
    with FeatureCache(tmp_path) as cache:
        one = vector(200)
        began = time.perf_counter()
        for k in range(10_000):
            cache.put(str(k), one)
        for k in range(10_000):
            assert cache.get(str(k)) is not None
        assert time.perf_counter() - began < 10  # 1 ms for a put and a get
        assert cache.stats().entries == 10_000


def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "vectors.sqlite").write_bytes(b"not a database" * 1_000)
    with FeatureCache(tmp_path) as cache:
        cache.put("a", vector())
        assert cache.get("a") is not None
    assert "starting anew" in caplog.text
    assert list(tmp_path.glob("*.damaged-*"))


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="taken"):
        FeatureCache(tmp_path / "taken")


def fill(cache: FeatureCache, count: int) -> None:
    for k in range(count):
        cache.put(str(k), vector())


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with FeatureCache(tmp_path) as cache:
        cache._base.execute("PRAGMA max_page_count = 10")
        with pytest.raises(StorageError, match="full"):
            fill(cache, 1_000)
        assert cache.get("0") is not None


WRITER = """
import sys
import numpy as np
from pathlib import Path
from ostinato.features.cache import FeatureCache
cache = FeatureCache(Path(sys.argv[1]))
for k in range(int(sys.argv[3])):
    cache.put(f"{sys.argv[2]}-{k}", np.full(300, k, dtype=np.float32))
    print(k, flush=True)
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, folder, name, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_share_it(tmp_path: Path) -> None:
    both = [writer(tmp_path, name, 500) for name in "ab"]
    for process in both:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    with FeatureCache(tmp_path) as cache:
        assert cache.stats().entries == 1_000


def test_a_killed_writer_tears_nothing(tmp_path: Path) -> None:
    process = writer(tmp_path, "a", 1_000_000)
    said = [process.stdout.readline() for _ in range(200)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with FeatureCache(tmp_path) as cache:
        assert cache.stats().entries >= 200
        for line in said:
            np.testing.assert_array_equal(cache.get(f"a-{int(line)}"), np.full(300, int(line), dtype=np.float32))


def test_threads_share_it(tmp_path: Path) -> None:
    with FeatureCache(tmp_path) as cache:
        faults: list[BaseException] = []

        def work(name: str) -> None:
            try:
                for k in range(200):
                    cache.put(f"{name}{k}", np.full(10, k, dtype=np.float32))
                    assert cache.get(f"{name}{k}")[0] == k
            except BaseException as error:
                faults.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults
        assert cache.stats().entries == 800
