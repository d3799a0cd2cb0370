"""The cache of vectors: rows by key, first come first kept, several threads at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from matcher.vectors import VectorCache


def row(number: int) -> list[float]:
    return [float(number), -float(number)]


@pytest.mark.parametrize(("put", "asked", "given"), [
    ([], [], []),
    ([("a", 1), ("b", 2)], "ba", [2, 1]),
    ([("a", 1), ("b", 2)], "aab", [1, 1, 2]),
    ([("a", 1), ("b", 2), ("c", 3)], "bc", [2, 3]),
    ([("a", 1), ("b", 2), ("c", 3)], "ac", [1, 3]),
    ([("a", 1), ("a", 1), ("b", 2), ("c", 3)], "cab", [3, 1, 2]),
])
def test_rows_come_as_asked(put, asked, given):
    cache = VectorCache(2)
    cache.put([key for key, _ in put], np.array([row(n) for _, n in put], np.float32).reshape(-1, 2))
    assert cache.rows(asked).tolist() == [row(n) for n in given]
    assert cache.rows(asked).shape == (len(given), 2)
    assert len(cache) == len({key for key, _ in put})


def test_rows_are_not_written_to_and_stay_as_they_are():
    cache = VectorCache(2)
    cache.put("ab", np.array([row(1), row(2)], np.float32))
    both, turned = cache.rows("ab"), cache.rows("ba")
    for found in (both, turned):
        with pytest.raises(ValueError, match="read-only"):
            found[0] = 9
    cache.put(range(5000), np.array([row(n) for n in range(5000)], np.float32))
    assert (both.tolist(), turned.tolist()) == ([row(1), row(2)], [row(2), row(1)])


def test_a_key_keeps_its_first_vector_and_an_unknown_one_has_none():
    cache = VectorCache(2)
    cache.put(["a"], np.array([row(1)], np.float32))
    cache.put(["b", "a", "c"], np.array([row(2), row(9), row(3)], np.float32))
    assert cache.rows("abc").tolist() == [row(1), row(2), row(3)]
    assert "c" in cache
    assert "d" not in cache
    with pytest.raises(KeyError):
        cache.rows("d")


@pytest.mark.parametrize("rows", [np.ones((3, 2)), np.ones((2, 1)), np.ones(2), np.ones((2, 3))])
def test_rows_of_another_shape_are_refused(rows):
    cache = VectorCache(2)
    for _ in range(2):
        with pytest.raises(ValueError, match="2 vectors of length 2 are wanted"):
            cache.put("ab", rows.astype(np.float32))
        cache.put("cd", np.ones((2, 2), np.float32))
    assert len(cache) == 2


def test_a_few_rows_do_not_keep_the_whole_matrix():
    cache = VectorCache(2)
    cache.put(range(100), np.array([row(n) for n in range(100)], np.float32))
    assert [cache.rows(range(n)).base is None for n in (1, 50, 51, 100)] == [True, True, False, False]


def test_threads_put_and_read_at_once():
    cache = VectorCache(2)

    def work(first: int) -> bool:
        right = True
        for start in range(first, 6000, 50):
            keys = list(range(start, start + 80))  # neighbours overlap
            cache.put(keys, np.array([row(key) for key in keys], np.float32))
            right &= cache.rows(keys).tolist() == [row(key) for key in keys]
        return right

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(0, 400, 50)))
    assert len(cache) == 6030
    assert cache.rows(range(6030)).tolist() == [row(key) for key in range(6030)]
