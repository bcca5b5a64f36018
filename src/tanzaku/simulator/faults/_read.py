"""Fault plans as people write them: YAML, of which JSON is a part."""

from pathlib import Path

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, parse_yaml, read_yaml
from tanzaku.simulator.faults._fault import NAME, Fault, FaultPlan, When, Where
from tanzaku.simulator.faults._kinds import KINDS, Parameter, Setting

_COMMON = ("name", "what", "where", "when", "times")
_WHEN = ("path", "model", "header", "rule", "nth_call", "probability")
_MOST = 1_000_000_000


def load_faults(path: Path) -> FaultPlan:
    """The plan in a YAML file; raises InputFileError with file, line, column and the way out."""
    return _read_plan(read_yaml(path))


def parse_faults(text: str, name: str) -> FaultPlan:
    """The plan in a YAML or JSON text; `name` stands for the file in messages."""
    return _read_plan(parse_yaml(text, name))


def _read_plan(top: Entry) -> FaultPlan:
    fields = top.as_fields(("faults", "seed"), ("faults",))
    seed = fields["seed"].as_integer(0, _MOST) if "seed" in fields else 0
    faults = [_read_fault(entry) for entry in fields["faults"].as_list()]
    return FaultPlan(faults, seed)


def _read_fault(entry: Entry) -> Fault:
    # Which keys may stand depends on `what`.
    kind = entry.as_fields(entry.as_mapping(), ("what",))["what"].as_choice(KINDS)
    parameters = KINDS[kind].parameters
    fields = entry.as_fields((*_COMMON, *parameters))
    settings = {
        name: _read_setting(fields[name], parameter)
        for name, parameter in parameters.items()
        if name in fields
    }
    where: Where = "edge"
    if "where" in fields and fields["where"].as_choice(("edge", "upstream")) == "upstream":
        where = "upstream"
    when = _read_when(fields["when"]) if "when" in fields else When()
    if kind == "refused" and where == "edge" and when.is_about_requests:
        raise InputFileError(
            "{place}: a connection that is refused at the edge has no request to look at.",
            hint="Only `nth_call` and `probability` may stand under `when` here; `reset` breaks the "
            "connection once the request is read.",
            place=fields["when"].place,
        )
    times = fields["times"].as_integer(1, _MOST) if "times" in fields else None
    return Fault(kind, settings, where, when, times, _read_name(fields))


def _read_name(fields: dict[str, Entry]) -> str:
    if "name" not in fields:
        return ""
    entry = fields["name"]
    name = entry.as_text()
    if NAME.fullmatch(name) is None:
        raise InputFileError(
            "{place}: {found} is no name for a fault.",
            hint="A name has up to 64 letters, digits, dots, dashes and underscores.",
            place=entry.place,
            found=entry.found,
        )
    return name


def _read_setting(entry: Entry, parameter: Parameter) -> Setting:
    if entry.content is None and parameter.may_be_none:
        return None
    match parameter.type:
        case "integer":
            return entry.as_integer(int(parameter.least), int(parameter.most))
        case "number":
            return entry.as_number(parameter.least, parameter.most)
        case "boolean":
            return entry.as_bool()
        case "text":
            return entry.as_text()


def _read_when(entry: Entry) -> When:
    fields = entry.as_fields(_WHEN)
    texts = {name: fields[name].as_text() for name in ("path", "model", "rule") if name in fields}
    header, equals = _read_header(fields["header"]) if "header" in fields else (None, None)
    return When(
        path=texts.get("path"),
        model=texts.get("model"),
        header=header,
        equals=equals,
        rule=texts.get("rule"),
        nth_call=_read_nth_call(fields["nth_call"]) if "nth_call" in fields else None,
        probability=fields["probability"].as_number(0, 1) if "probability" in fields else None,
    )


def _read_header(entry: Entry) -> tuple[str, str | None]:
    """`x-team`, or `{name: x-team, equals: red}`."""
    if isinstance(entry.content, str):
        return entry.content, None
    fields = entry.as_fields(("name", "equals"), ("name",))
    return fields["name"].as_text(), fields["equals"].as_text() if "equals" in fields else None


def _read_nth_call(entry: Entry) -> tuple[int, int | None]:
    from tanzaku.simulator.scenario._conditions import read_range

    calls = read_range(entry)
    return calls.low, calls.high
