"""In: YAML text. Out: its first document as nodes, small and flat enough to walk.

Nodes instead of Python values, for three reasons: a message needs the line; a duplicate key has to
be seen; and the rules ask whether a scalar was quoted (`honor_labels: "true"` is refused).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar

import yaml

MAX_DEPTH = 100  #: levels; a mapping file that means something has seven
#: Values that aliases may repeat. statsd_exporter's YAML package stops at about the same number.
MAX_REPEATED = 400_000


class Problem(ValueError):  # noqa: N818 - it becomes part of a MappingError
    """What is wrong, at which line (from 1, None where nobody knows) and under which keys."""

    def __init__(self, what: str, line: int | None, path: str = "") -> None:
        super().__init__(what)
        self.what, self.line, self.path = what, line, path

    def inside(self, outer: str) -> Problem:
        """The same problem, seen from one level further out."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return Problem(self.what, self.line, f"{outer}{joint}{self.path}")

    def __str__(self) -> str:
        """One line, whatever the file holds: "line 4: mappings[0].ttl: ..."."""
        words = f"{self.path}: {self.what}" if self.path else self.what
        if self.line is not None:
            words = f"line {self.line}: {words}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


def line_of(node: yaml.Node) -> int:
    """The line that the node starts on, from 1."""
    return int(node.start_mark.line) + 1


def quoted(value: str) -> str:
    """`value` in quotes, cut where it gets too long for a line."""
    return f'"{value}"' if len(value) <= 80 else f'"{value[:77]}..."'


def suggestion(word: str, known: Iterable[str]) -> str:
    """`, did you mean "..."?` when a known word is near, else nothing."""
    near = difflib.get_close_matches(word.lower()[:80], list(known), n=1)
    return f", did you mean {quoted(near[0])}?" if near else ""


class _Composer(yaml.BaseLoader):
    """Composes nodes; a tag is "" where the file wrote none.

    The overrides make PyYAML take what go.yaml.in/yaml/v2, statsd_exporter's reader, takes.
    """

    ESCAPE_REPLACEMENTS: ClassVar = {**yaml.BaseLoader.ESCAPE_REPLACEMENTS, "'": "'"}  # type: ignore[misc]
    depth = 0

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        return ""

    def scan_to_next_token(self) -> None:
        """Tabs may separate what stands on one line; they never indent."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def scan_directive(self) -> Any:
        """A line that begins with `%` would otherwise end the document, and what follows is lost."""
        token: Any = super().scan_directive()
        if token.name not in ("YAML", "TAG"):
            raise yaml.scanner.ScannerError(None, None, "unknown directive", token.start_mark)
        return token

    def compose_document(self) -> Any:
        start: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if start.version not in (None, (1, 1)):
            raise yaml.composer.ComposerError(
                None, None, "only %YAML 1.1 is understood", start.start_mark
            )
        return super().compose_document()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self.depth >= MAX_DEPTH:
            raise yaml.composer.ComposerError(
                None, None, f"more than {MAX_DEPTH} levels deep", event.start_mark
            )
        if not isinstance(event, yaml.AliasEvent):
            # YAML lets a later anchor replace an earlier one; PyYAML alone calls that an error.
            self.anchors.pop(event.anchor, None)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def parse(text: str) -> yaml.Node | None:
    """The root of the first document, None for an empty one. Raises Problem for all that isn't
    YAML and for what is too deep, contains itself, or grows by aliases beyond `MAX_REPEATED`.
    """
    try:
        root = next(iter(yaml.compose_all(text, Loader=_Composer)), None)
    except yaml.MarkedYAMLError as wrong:
        raise _not_yaml(wrong, text) from None
    except yaml.reader.ReaderError as wrong:
        line = text.count("\n", 0, wrong.position) + 1
        raise Problem(f"not YAML: {wrong.reason}: {quoted(chr(wrong.character))}", line) from None
    except (ValueError, OverflowError):
        # PyYAML itself trips over "\UFFFFFFFF" and over "%YAML" with thousands of digits.
        raise Problem("not YAML: a number after \\U or %YAML is out of range", None) from None
    if root is not None:
        measured: dict[int, tuple[int, int] | None] = {}
        size, depth = _measure(root, measured)
        if depth > MAX_DEPTH:
            raise Problem(f"aliases make it more than {MAX_DEPTH} levels deep", line_of(root))
        if size - len(measured) > MAX_REPEATED:
            raise Problem(f"aliases repeat more than {MAX_REPEATED} values", line_of(root))
    return root


def _not_yaml(wrong: yaml.MarkedYAMLError, text: str) -> Problem:
    what = "not YAML: " + " ".join(part for part in (wrong.problem, wrong.context) if part)
    if wrong.problem_mark is None:
        return Problem(what, None)
    number = int(wrong.problem_mark.line)
    lines = text.splitlines()
    if number < len(lines):
        what += f": {quoted(lines[number].strip())}"
    return Problem(what, number + 1)


def _measure(node: yaml.Node, measured: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many values and levels a node has once its aliases are written out.

    Each node is measured once, so a bomb costs no more than its text; and an alias points backwards
    to something measured already, so the recursion goes no deeper than the text is nested.
    """
    if id(node) in measured:
        known = measured[id(node)]
        if known is None:
            raise Problem("an alias stands for something that contains it", line_of(node))
        return known
    measured[id(node)] = None
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    elif any("\ud800" <= character <= "\udfff" for character in node.value):
        raise Problem(f"not a Unicode character in {quoted(node.value)}", line_of(node))
    below = [_measure(child, measured) for child in children]
    result = 1 + sum(size for size, _ in below), 1 + max((deep for _, deep in below), default=0)
    measured[id(node)] = result
    return result


def described(node: yaml.Node) -> str:
    """A node in the words of a message: its text in quotes, or what kind of collection it is."""
    if isinstance(node, yaml.ScalarNode):
        return quoted(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "keys and values"
