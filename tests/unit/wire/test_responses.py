"""The response types against the SDK's models, an independent reading of the same API."""

import types
from datetime import datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import anthropic.types as sdk
import anthropic.types.messages as sdk_batches
import pytest
from pydantic import BaseModel

from tanzaku import wire

type Walk = list[tuple[str, Any, Any]]

# The API always sends these, null or not; the SDK allows for their absence.
ALWAYS_SENT = {".stop_reason", ".stop_sequence"}


def flatten(*sources: Any) -> tuple[set[str], list[Any], list[Any]]:
    """Scalars and literals, items of lists, and objects that a type allows."""
    atoms: set[str] = set()
    items: list[Any] = []
    objects: list[Any] = []
    pending = list(sources)
    while pending:
        source = pending.pop()
        origin, args = get_origin(source), get_args(source)
        if isinstance(source, TypeAliasType):
            pending.append(source.__value__)
        elif origin in (Annotated, NotRequired):
            pending.append(args[0])
        elif origin in (Union, types.UnionType):
            pending.extend(args)
        elif origin is Literal:
            atoms |= {repr(value) for value in args}
        elif origin is list:
            items.append(args[0])
        elif is_typeddict(source) or (isinstance(source, type) and issubclass(source, BaseModel)):
            objects.append(source)
        elif source is not types.NoneType:
            atoms.add("str" if source is datetime else getattr(origin or source, "__name__", "any"))
    return {"str"} if "str" in atoms else atoms, items, objects


def read_their_fields(model: Any) -> dict[str, tuple[bool, Any]]:
    return {
        name: (field.is_required(), field.annotation) for name, field in model.model_fields.items()
    }


def read_our_fields(source: Any) -> dict[str, tuple[bool, Any]]:
    hints = get_type_hints(source, include_extras=True)
    return {name: (name in source.__required_keys__, hint) for name, hint in hints.items()}


def read_tags(fields: dict[str, tuple[bool, Any]]) -> set[str]:
    return flatten(fields["type"][1])[0] if "type" in fields else set()


def compare(path: str, theirs: Any, ours: Any) -> tuple[list[str], int]:
    """What differs, and how many of the SDK's models were looked at."""
    differences: list[str] = []
    seen: set[Any] = set()
    pending: Walk = [(path, theirs, ours)]
    while pending:
        path, theirs, ours = pending.pop()
        if theirs in seen:
            continue
        seen.add(theirs)
        them, us = read_their_fields(theirs), read_our_fields(ours)
        if them.keys() != us.keys():
            differences.append(f"{path}: {sorted(them.keys() ^ us.keys())}")
        for name in them.keys() & us.keys():
            where = f"{path}.{name}"
            if them[name][0] != us[name][0] and where not in ALWAYS_SENT:
                differences.append(f"{where}: required")
            if name != "type":
                differences += compare_types(where, them[name][1], us[name][1], pending)
    return differences, len(seen)


def compare_types(path: str, theirs: Any, ours: Any, pending: Walk) -> list[str]:
    their_atoms, their_items, their_objects = flatten(theirs)
    our_atoms, our_items, our_objects = flatten(ours)
    differences = [] if their_atoms == our_atoms else [f"{path}: {their_atoms}, here {our_atoms}"]
    if bool(their_items) != bool(our_items):
        differences.append(f"{path}: one is a list")
    elif their_items:
        [their_item], [our_item] = their_items, our_items
        differences += compare_types(f"{path}[]", their_item, our_item, pending)
    by_tag = {tag: each for each in our_objects for tag in read_tags(read_our_fields(each))}
    for each in their_objects:
        tags = read_tags(read_their_fields(each))
        if by_tag and not tags & by_tag.keys():
            differences.append(f"{path}: {tags} is missing")
        elif not our_objects:
            differences.append(f"{path}: no object here")
        else:
            found = [by_tag.pop(tag) for tag in tags if tag in by_tag]
            pending.append((path, each, found[0] if found else our_objects[0]))
    return differences + [f"{path}: {tag} is not the SDK's" for tag in by_tag]


@pytest.mark.parametrize(
    ("theirs", "ours", "count"),
    [
        (sdk.Message, wire.Message, 50),
        (sdk.MessageTokensCount, wire.MessageTokensCount, 1),
        (sdk_batches.MessageBatch, wire.MessageBatch, 2),
        (sdk_batches.DeletedMessageBatch, wire.DeletedBatch, 1),
        (sdk.ModelInfo, wire.ModelInfo, 6),
        (sdk.FileMetadata, wire.FileMetadata, 1),
        (sdk.DeletedFile, wire.DeletedFile, 1),
    ],
)
def test_what_the_server_returns_has_the_fields_the_sdk_reads(
    theirs: Any, ours: Any, count: int
) -> None:
    differences, compared = compare("", theirs, ours)
    assert differences == []
    assert compared >= count


@pytest.mark.parametrize("result", ["succeeded", "errored", "canceled", "expired"])
def test_each_result_of_a_batch_has_its_fields(result: str) -> None:
    [theirs] = [
        member
        for member in flatten(sdk_batches.MessageBatchResult)[2]
        if f"'{result}'" in read_tags(read_their_fields(member))
    ]
    [ours] = [
        member
        for member in flatten(read_our_fields(wire.BatchResult)["result"][1])[2]
        if f"'{result}'" in read_tags(read_our_fields(member))
    ]
    assert read_our_fields(ours).keys() == read_their_fields(theirs).keys()
