"""Keys in turn."""

from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway.upstreams import KeyPool, PooledKey


def take_values(pool: KeyPool, group: str, now: float, count: int) -> list[str | None]:
    return [None if (key := pool.take(group, now)) is None else key.value for _ in range(count)]


def test_keys_take_turns() -> None:
    assert take_values(KeyPool(["a", "b", "c"]), "g", 0, 7) == ["a", "b", "c", "a", "b", "c", "a"]


def test_a_limited_key_rests_as_long_as_it_was_told_and_only_for_that_group() -> None:
    pool = KeyPool(["a", "b"])
    key = pool.take("haiku", 0)
    assert key is not None
    pool.limit(key, "haiku", 30.0, 0)
    assert take_values(pool, "haiku", 29.9, 3) == ["b", "b", "b"]
    assert set(take_values(pool, "opus", 29.9, 2)) == {"a", "b"}
    assert set(take_values(pool, "haiku", 30, 2)) == {"a", "b"}


def test_a_limited_key_that_was_told_nothing_rests_ten_seconds() -> None:
    pool = KeyPool(["a", "b"])
    key = pool.take("g", 0)
    assert key is not None
    pool.limit(key, "g", None, 0)
    assert pool.count_ready(9.9) == 1
    assert pool.count_ready(10) == 2


def test_the_wait_is_the_shortest_of_all_keys() -> None:
    pool = KeyPool(["a", "b"])
    for wait_s in (30.0, 12.0):
        key = pool.take("g", 0)
        assert key is not None
        pool.limit(key, "g", wait_s, 0)
    assert take_values(pool, "g", 5, 2) == [None, None]
    assert pool.find_wait("g", 5) == 7


def test_a_single_key_never_rests() -> None:
    pool = KeyPool(["a"])
    key = pool.take("g", 0)
    assert key is not None
    pool.limit(key, "g", 600.0, 0)
    assert take_values(pool, "g", 1, 2) == ["a", "a"]


def test_a_key_set_aside_is_taken_only_where_no_other_is_left() -> None:
    pool = KeyPool(["a", "b"])
    first = pool.take("g", 0)
    assert first is not None
    pool.set_aside(first, 0)
    assert take_values(pool, "g", 1, 2) == ["b", "b"]
    second = pool.take("g", 1)
    assert second is not None
    pool.limit(second, "g", 60.0, 1)
    assert take_values(pool, "g", 1, 1) == ["a"]
    assert take_values(pool, "g", 300, 2) == ["b", "a"]


@given(st.integers(1, 6), st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60))
def test_no_ready_key_waits_longer_than_a_round(count: int, calls: list[tuple[int, bool]]) -> None:
    """Whatever rests, between two turns of a key that stays ready lie at most all the others."""
    pool = KeyPool([str(number) for number in range(count)])
    now, since_first = 0.0, 0
    for pause_s, is_limited in calls:
        now += pause_s
        key = pool.take("g", now)
        if key is None:
            assert pool.find_wait("g", now) > 0
            continue
        if key.value == "0":
            since_first = 0
            continue
        since_first += 1
        assert since_first < count
        if is_limited:
            pool.limit(key, "g", 15.0, now)


def test_the_value_of_a_key_stands_in_no_repr() -> None:
    assert "secret" not in repr(PooledKey("secret", 1))
