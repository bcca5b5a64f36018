"""Secrets: named in the files, kept outside them, read when they are needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, override

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.project._variables import MissingVariableError

DOTENV = ".env"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is read: an environment variable of that `name`, or a file."""

    kind: Literal["env", "file"]
    name: str
    place: Place


class UnsetSecretError(KeyError):
    """A secret that is declared, and whose source has nothing."""

    def __init__(self, secret: str, source: SecretSource) -> None:
        super().__init__(secret)
        self._secret = secret
        self._source = source

    def build(self, place: Place) -> MissingVariableError:
        """The error for the place that needs it."""
        values: dict[str, Any] = {
            "place": place,
            "name": self._secret,
            "declared": self._source.place,
            "source": self._source.name,
        }
        if self._source.kind == "file":
            return MissingVariableError(
                "{place}: the secret `{name}` is not set: {declared} takes it from the file {source}.",
                hint="Write it into that file, alone.",
                **values,
            )
        return MissingVariableError(
            "{place}: the secret `{name}` is not set: {declared} takes it from the environment variable {source}.",
            hint="Set {source}, or write `{source}=…` into environments/.env, which git ignores.",
            **values,
        )


class Secrets(Mapping[str, str]):
    """The secrets an environment declares. Reading one raises UnsetSecretError when its source has
    nothing; an unused one may be unset."""

    def __init__(
        self, sources: Mapping[str, SecretSource], environ: Mapping[str, str], folder: Path
    ) -> None:
        self._sources = sources
        self._environ = environ
        self._folder = folder

    @override
    def __getitem__(self, name: str) -> str:
        source = self._sources[name]
        if source.kind == "env":
            value = self._environ.get(source.name, "")
        else:
            try:
                value = (self._folder / Path(source.name).expanduser()).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                value = ""
        if not value:
            raise UnsetSecretError(name, source)
        return value

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    @override
    def __len__(self) -> int:
        return len(self._sources)

    @override
    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._sources)})"

    def list_variables(self) -> dict[str, str]:
        """The environment variable of each secret, its own name for one that a file holds."""
        return {
            name: source.name if source.kind == "env" else name
            for name, source in self._sources.items()
        }

    def list_values(self) -> list[str]:
        """All that are set: what nothing kept or shown may contain."""
        found = []
        for name in self._sources:
            try:
                found.append(self[name])
            except UnsetSecretError:
                continue
        return found


def parse_secrets(entry: Entry | None) -> dict[str, SecretSource]:
    """The `secrets` of an environment; a value in place of a reference is refused unseen."""
    sources: dict[str, SecretSource] = {}
    for name, one in (entry.as_mapping() if entry else {}).items():
        if not isinstance(one.content, dict):
            raise InputFileError(
                "{place}: `{key}` must say where the secret is, not what it is.",
                hint="Write `{name}: {{env: {name}}}` or `{name}: {{file: PATH}}`.",
                place=one.place,
                key=one.key,
                name=name,
            )
        fields = one.as_fields(("env", "file"))
        if len(fields) != 1:
            raise InputFileError(
                "{place}: `{key}` needs one of `env` and `file`.", place=one.place, key=one.key
            )
        [(kind, where)] = fields.items()
        source: Literal["env", "file"] = "env" if kind == "env" else "file"
        sources[name] = SecretSource(source, where.as_text(), where.place)
    return sources


def read_dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` a line, `#` comments, `export ` and quotes allowed; empty when there is no such
    file. No value is ever shown in an error."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError("{file}: is not a readable UTF-8 text file.", file=path) from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise InputFileError(
                "{place}: a line of this file is `NAME=value`.", place=Place(str(path), number, 1)
            )
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found
