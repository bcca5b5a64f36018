"""When rules fire, against sums and percentiles made from every call anew."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway.alerts import AlertRule, Notice, Sample, Watch

START = 1764000000.0
PICO = 10**12
HOUR = 3600.0


def call(at: float, *, usd: str = "0", error: bool = False, ms: float = 100.0) -> Sample:
    return Sample(START + at, int(Decimal(usd) * PICO), error, ms)


def watch(*rules: AlertRule, cool_down_s: float = 0.0) -> Watch:
    return Watch(rules, cool_down_s)


def tell(notices: list[Notice]) -> list[tuple[float, str]]:
    return [(notice.at - START, notice.state) for notice in notices]


SPEND = AlertRule("spend_usd_per_hour", 5.0, 600)
ERRORS = AlertRule("error_share", 0.1, 300, 20)
SLOW = AlertRule("p95_ms", 1000.0, 300, 20)


def test_five_dollars_an_hour_are_allowed_and_more_are_not() -> None:
    """5 $ an hour are 0.8333 $ in ten minutes."""
    machine = watch(SPEND)
    machine.add(call(10, usd="0.83"))
    assert machine.check(START + 11) == []
    machine.add(call(12, usd="0.01"))
    (notice,) = machine.check(START + 13)
    assert notice.state == "fired"
    assert notice.value == pytest.approx(0.84 * 6)
    assert notice.text == "Alert: spend_usd_per_hour > 5 over 600 s; now 5.04."


def test_it_is_told_of_once_and_once_when_it_is_over() -> None:
    machine = watch(SPEND)
    machine.add(call(0, usd="9"))
    told = []
    for second in range(1200):
        told += machine.check(START + second)
    assert [state for _, state in tell(told)] == ["fired", "resolved"]
    assert tell(told)[0] == (0, "fired")
    # The window moves by a sixtieth of itself at a time.
    assert 590 <= tell(told)[1][0] <= 600


@pytest.mark.parametrize("rule", [ERRORS, SLOW], ids=["errors", "slow"])
def test_too_few_calls_say_nothing(rule: AlertRule) -> None:
    machine = watch(rule)
    bad = call(0, error=rule is ERRORS, ms=9000)
    for _ in range(19):
        machine.add(bad)
    assert machine.check(START + 1) == []
    machine.add(bad)
    assert tell(machine.check(START + 1)) == [(1, "fired")]


def test_the_share_of_errors_must_be_passed_not_reached() -> None:
    machine = watch(ERRORS)
    for number in range(100):
        machine.add(call(number, error=number < 10))
    assert machine.check(START + 100) == []
    machine.add(call(100, error=True))
    assert machine.check(START + 100)[0].value == pytest.approx(11 / 101)


def test_errors_are_fast_and_say_nothing_of_how_long_answers_take() -> None:
    machine = watch(SLOW)
    for number in range(20):
        machine.add(call(number, ms=2000))
        machine.add(call(number, error=True, ms=1))
        machine.add(call(number, error=True, ms=1))
    assert tell(machine.check(START + 20)) == [(20, "fired")]


def test_what_flaps_is_told_of_once_in_a_cool_down() -> None:
    machine = watch(AlertRule("spend_usd_per_hour", 5.0, 60), cool_down_s=900)
    told = []
    for second in range(1800):
        if second % 120 == 0:
            machine.add(call(second, usd="1"))
        told += machine.check(START + second)
    fired = [at for at, state in tell(told) if state == "fired"]
    assert fired == [0, 960]
    assert [state for _, state in tell(told)] == ["fired", "resolved"] * 2


def test_what_holds_when_a_cool_down_ends_is_told_of_then() -> None:
    machine = watch(AlertRule("spend_usd_per_hour", 5.0, 60), cool_down_s=900)
    told = []
    for second in range(1000):
        if second == 0 or second >= 500:
            machine.add(call(second, usd="1"))
        told += machine.check(START + second)
    assert [(at, state) for at, state in tell(told) if state == "fired"] == [
        (0, "fired"),
        (900, "fired"),
    ]


CALLS = st.lists(
    st.builds(
        call,
        st.floats(0, 1500, allow_nan=False),
        usd=st.sampled_from(["0", "0.25", "0.000001", "1.5"]),
        error=st.booleans(),
        ms=st.floats(0.5, 100_000, allow_nan=False),
    ),
    max_size=60,
)


@given(CALLS, st.sampled_from([60.0, 300.0, 900.0]), st.floats(0, 1500))
def test_a_window_holds_what_a_look_at_every_call_finds(
    calls: list[Sample], over_s: float, now: float
) -> None:
    """Which is between a window of its length and one a slice shorter."""
    machine = watch(
        AlertRule("spend_usd_per_hour", -1.0, over_s),
        AlertRule("error_share", -1.0, over_s, 1),
        AlertRule("p95_ms", -1.0, over_s, 1),
    )
    past = [one for one in calls if one.at <= START + now]
    for one in past:
        machine.add(one)
    values = {notice.rule.measure: notice.value for notice in machine.check(START + now)}

    slice_s = over_s / 60
    seen = [
        one
        for one in past
        if math.floor(one.at / slice_s) > math.floor((START + now) / slice_s) - 60
    ]
    sure = [one for one in past if one.at > START + now - over_s + slice_s]
    assert {id(one) for one in sure} <= {id(one) for one in seen}
    assert not [one for one in seen if one.at < START + now - over_s - 1e-3]

    spent = sum(one.picousd for one in seen) / PICO
    assert values["spend_usd_per_hour"] == pytest.approx(spent * HOUR / over_s)
    errors = sum(one.is_error for one in seen)
    assert values["error_share"] == pytest.approx(errors / len(seen) if seen else 0)
    durations = sorted(one.total_ms for one in seen if not one.is_error)
    exact = durations[math.ceil(0.95 * len(durations)) - 1] if durations else 0.0
    assert exact * (1 - 1e-9) <= values["p95_ms"] <= exact * 1.0201


def use(machine: Watch, at: float, address: str, key: str = "key_1") -> None:
    machine.add(Sample(START + at, 0, False, 1.0, key, address))


ADDRESS = AlertRule("new_address")


def test_a_key_lives_where_it_first_comes_from_and_is_told_of_elsewhere_once() -> None:
    machine = watch(ADDRESS, cool_down_s=60)
    for at, address in enumerate(["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"]):
        use(machine, at, address)
    use(machine, 5, "10.0.0.2", key="key_2")
    (notice,) = machine.check(START + 6)
    assert (notice.key, notice.addresses) == ("key_1", ("10.0.0.2",))
    assert notice.text == "Alert: the key key_1 is used from a new address: 10.0.0.2."
    use(machine, 7, "10.0.0.2")
    assert machine.check(START + 500) == []


def test_no_new_address_is_lost_in_a_cool_down() -> None:
    machine = watch(ADDRESS, cool_down_s=60)
    for at, address in enumerate(["10.0.0.1", "10.0.0.2"]):
        use(machine, at, address)
    assert len(machine.check(START + 2)) == 1
    use(machine, 3, "10.0.0.3")
    use(machine, 4, "10.0.0.4")
    assert machine.check(START + 61) == []
    (notice,) = machine.check(START + 62)
    assert notice.addresses == ("10.0.0.3", "10.0.0.4")


def test_what_was_learnt_is_not_new_and_what_comes_after_it_is() -> None:
    machine = watch(ADDRESS)
    machine.learn([("key_1", "10.0.0.1"), ("key_1", "10.0.0.2"), ("key_2", "10.0.0.1")])
    use(machine, 1, "10.0.0.2")
    assert machine.check(START + 1) == []
    use(machine, 2, "10.0.0.3", key="key_2")
    assert machine.check(START + 2)[0].addresses == ("10.0.0.3",)


def test_machines_in_an_ipv6_network_change_their_address_by_themselves() -> None:
    machine = watch(ADDRESS)
    use(machine, 0, "2001:db8:1:2::1")
    use(machine, 1, "2001:db8:1:2:aaaa:bbbb:cccc:dddd")
    assert machine.check(START + 1) == []
    use(machine, 2, "2001:db8:1:3::1")
    assert machine.check(START + 2)[0].addresses == ("2001:db8:1:3::1",)


def test_calls_without_a_virtual_key_come_from_anywhere() -> None:
    machine = watch(ADDRESS)
    for number in range(3):
        use(machine, number, f"10.0.0.{number}", key="")
    assert machine.check(START + 3) == []
