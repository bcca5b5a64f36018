"""The page of one operation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tanzaku.look import format_ms
from tanzaku.workbench.docs._blocks import (
    Block,
    Code,
    Heading,
    Inline,
    Link,
    Listing,
    Page,
    Paragraph,
    Table,
    Tabs,
    Tree,
    say,
)
from tanzaku.workbench.docs._examples import Example
from tanzaku.workbench.docs._recorded import Recorded, list_turns, shorten
from tanzaku.workbench.docs._tree import build_tree, describe_kind, list_facts
from tanzaku.workbench.openapi import (
    Content,
    Document,
    Operation,
    Parameter,
    Response,
    SecurityScheme,
    is_claude,
)
from tanzaku.workbench.sending import Reply

_NAMES: Final = {"curl": "curl", "python": "Python", "typescript": "TypeScript"}
_LISTED: Final = {"curl": "sh", "python": "python", "typescript": "typescript"}
_MOST_EVENTS: Final = 200


def build_operation(
    document: Document,
    operation: Operation,
    path: str,
    examples: Sequence[Example],
    recorded: Recorded | None,
) -> Page:
    """All that is known of one operation. `recorded` None: no execution was given."""
    blocks = [
        *_describe(document, operation),
        *_list_parameters(document, operation),
        *_list_bodies(document, operation),
        *_list_examples(examples),
        *_list_responses(document, operation),
        *_show_recorded(recorded),
    ]
    return Page(path, operation.summary or operation.id, blocks)


def _describe(document: Document, operation: Operation) -> Iterator[Block]:
    yield Paragraph(Code(f"{operation.method} {operation.path}"))
    if operation.is_deprecated:
        yield Paragraph(say("docs.deprecated"), "warn")
    if operation.description:
        yield Paragraph(operation.description)
    links: list[Inline] = [
        Link(say("docs.contents"), "index"),
        " · ",
        Link(say("docs.errors"), "errors"),
    ]
    if is_claude(document):
        links += [" · ", Link(say("docs.limits"), "limits")]
    yield Paragraph(tuple(links), "faint")
    yield Heading(say("docs.auth"))
    yield Paragraph(_describe_auth(document, operation))


def _describe_auth(document: Document, operation: Operation) -> Inline:
    if is_claude(document) and not operation.security:
        return say("docs.auth.claude")
    words: list[Inline] = []
    for alternative in operation.security:
        if words:
            words += [" ", say("docs.or"), " "]
        schemes = [document.security_schemes.get(name) for name in alternative]
        parts = [_describe_scheme(one) for one in schemes if one is not None]
        joined = [word for part in parts for word in (" + ", part)][1:]
        words.append(tuple(joined) if joined else say("docs.auth.none"))
    return tuple(words) if words else say("docs.auth.none")


def _describe_scheme(scheme: SecurityScheme) -> Inline:
    if scheme.kind == "apiKey":
        return (Code(scheme.parameter), f" ({scheme.kind}, {scheme.place})")
    return (Code(scheme.name), f" ({' '.join(filter(None, (scheme.kind, scheme.scheme)))})")


def _list_parameters(document: Document, operation: Operation) -> Iterator[Block]:
    yield Heading(say("docs.parameters"))
    if not operation.parameters and not operation.fixed_query:
        yield Paragraph(say("docs.none"), "faint")
        return
    columns = ("name", "place", "type", "required", "constraints", "description")
    rows = [_write_parameter(document, one) for one in operation.parameters]
    rows += [
        [Code(name), Code("query"), "string", say("docs.yes"), Code(f'const: "{value}"'), ""]
        for name, value in operation.fixed_query.items()
    ]
    yield Table([say(f"docs.column.{name}") for name in columns], rows)


def _write_parameter(document: Document, parameter: Parameter) -> list[Inline]:
    tree = build_tree(document, parameter.schema)
    facts = list(tree.facts)
    for branch in (*tree.variants, *tree.children):
        facts += [fact for fact in branch.facts if fact not in facts]
    constraints: list[Inline] = []
    for key, value in facts:
        constraints += [" ", Code(f"{key}: {value}")]
    description: Inline = parameter.description or tree.description
    if parameter.is_deprecated:
        description = (say("docs.deprecated"), " ", description)
    return [
        Code(parameter.name),
        Code(parameter.place),
        describe_kind(document, parameter.schema),
        say("docs.yes") if parameter.is_required else say("docs.no"),
        tuple(constraints[1:]),
        description,
    ]


def _list_bodies(document: Document, operation: Operation) -> Iterator[Block]:
    yield Heading(say("docs.body"))
    if not operation.request_bodies:
        yield Paragraph(say("docs.none"), "faint")
        return
    if not operation.is_body_required:
        yield Paragraph(say("docs.body.optional"), "faint")
    yield from _list_contents(document, operation.request_bodies)


def _list_contents(document: Document, contents: Mapping[str, Content]) -> Iterator[Block]:
    for kind, content in contents.items():
        yield Paragraph(Code(kind))
        if content.schema is None:
            yield Paragraph(say("docs.no_schema"), "faint")
        else:
            yield Tree(build_tree(document, content.schema))
        if content.event_schema is not None:
            yield Paragraph(say("docs.each_event"))
            yield Tree(build_tree(document, content.event_schema))


def _list_responses(document: Document, operation: Operation) -> Iterator[Block]:
    yield Heading(say("docs.responses"))
    if not operation.responses:
        yield Paragraph(say("docs.none"), "faint")
        return
    answers = operation.responses.items()
    yield Tabs([(status, list(_write_response(document, one))) for status, one in answers])


def _write_response(document: Document, response: Response) -> Iterator[Block]:
    if response.description:
        yield Paragraph(response.description)
    if response.headers:
        columns = ("header", "type", "required", "constraints", "description")
        rows: list[list[Inline]] = [
            [
                Code(header.name),
                describe_kind(document, header.schema),
                say("docs.yes") if header.is_required else say("docs.no"),
                ", ".join(f"{key}: {value}" for key, value in list_facts(header.schema)),
                header.description,
            ]
            for header in response.headers.values()
        ]
        yield Table([say(f"docs.column.{name}") for name in columns], rows)
    if not response.contents:
        yield Paragraph(say("docs.empty"), "faint")
    yield from _list_contents(document, response.contents)


def _list_examples(examples: Sequence[Example]) -> Iterator[Block]:
    yield Heading(say("docs.examples"))
    if not examples:
        yield Paragraph(say("docs.examples.none"), "faint")
    for example in examples:
        yield Heading(example.title, 3)
        if not example.snippets:
            yield Paragraph(say("docs.examples.unfilled"), "warn")
            continue
        yield Tabs(
            [
                (_NAMES[language], [Listing(text, _LISTED[language])])
                for language, text in example.snippets.items()
            ]
        )


def _show_recorded(recorded: Recorded | None) -> Iterator[Block]:
    yield Heading(say("docs.recorded"))
    if recorded is None:
        yield Paragraph(say("docs.recorded.none"), "faint")
        return
    if recorded.stream is None and recorded.round_trip is None:
        yield Paragraph(say("docs.recorded.nothing"), "faint")
    if recorded.stream is not None:
        yield Heading(say("docs.timeline"), 3)
        yield from _write_timeline(recorded.stream)
    if recorded.round_trip is not None:
        yield Heading(say("docs.round_trip"), 3)
        columns = ("turn", "tool", "content")
        rows: list[list[Inline]] = [
            [say(f"docs.turn.{one.kind}"), Code(one.name) if one.name else "", one.content]
            for one in list_turns(recorded.round_trip)
        ]
        yield Table([say(f"docs.column.{name}") for name in columns], rows)


def _write_timeline(reply: Reply) -> Iterator[Block]:
    yield Paragraph(
        say(
            "docs.timeline.note",
            count=len(reply.frames),
            ttft=format_ms(reply.ttft_ms),
            total=format_ms(reply.total_ms),
        )
    )
    columns = ("at_ms", "event", "data")
    rows: list[list[Inline]] = [
        [f"{at_ms:,.1f}", Code(name), Code(shorten(data))]
        for at_ms, name, data in reply.events[:_MOST_EVENTS]
    ]
    yield Table([say(f"docs.column.{name}") for name in columns], rows)
    left_out = len(reply.frames) - _MOST_EVENTS
    if left_out > 0:
        yield Paragraph(say("docs.timeline.more", count=left_out), "faint")
