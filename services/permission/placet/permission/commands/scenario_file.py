"""A scenario file as it stands on disk: its document, and on which line each part of it is.

Owns: reading YAML strictly (a doubled key is refused: which of the two holds would depend on the reader), and turning
whatever is wrong with a file into one sentence with field, line, reason and next step.
Never: knows what the parts mean (`policy.scenarios` does). Source: law.md section 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from placet.permission.policy.errors import ScenarioInvalid

NEXT: Final = "Correct it there; docs/how-to/test-a-policy.md describes the form."


class FileWrong(Exception):
    """A file that cannot be run. `line` counts from 1; None when the file could not be read at all."""

    def __init__(self, file: Path, line: int | None, field: str, reason: str, step: str = NEXT) -> None:
        self.file, self.line, self.field, self.reason, self.step = file, line, field, reason, step
        at = file if line is None else f"{file}:{line}"
        super().__init__(f"{at}: {field}: {reason} {step}")

    def plain(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"field": self.field, "line": self.line, "reason": self.reason, "next": self.step}


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A file that was read: the parsed YAML, and the nodes it was made of."""

    path: Path
    document: object
    root: Node | None

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of the part that the keys and numbers lead to, or of the last one on the way that exists."""
        node, line = self.root, 1
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            line, node = found
        return line

    def wrong(self, error: ScenarioInvalid) -> FileWrong:
        """Return what is wrong with this file, with its line."""
        return FileWrong(self.path, self.line(error.path), error.where, error.why)


def read(path: Path) -> ScenarioFile:
    """Read a scenario file. Raises FileWrong."""
    try:
        loader = _Strict(path.read_text("utf-8"))
        root = loader.get_single_node()
        return ScenarioFile(path, None if root is None else loader.construct_document(root), root)
    except OSError as error:
        raise FileWrong(path, None, "the file", f"{error.strerror}.", "Give a scenario file.") from error
    except UnicodeDecodeError as error:
        raise FileWrong(path, None, "the file", f"it is not UTF-8 ({error.reason}).", "Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FileWrong(path, mark.line + 1 if mark else None, "the text", f"{error.problem}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FileWrong(path, None, "the text", f"it is no YAML ({error}).") from error


class _Strict(yaml.SafeLoader):
    """YAML without objects and without doubled keys."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, ScalarNode)]
        for at, key in enumerate(keys):
            if key.value in (other.value for other in keys[:at]):
                why = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, why, key.start_mark)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: ScalarNode | MappingNode) -> Any:
        value = super().construct_scalar(node)
        if any("\ud800" <= letter <= "\udfff" for letter in str(value)):
            raise yaml.constructor.ConstructorError(
                None, None, "half a character (a surrogate) stands here", node.start_mark
            )
        return value


def _step(node: Node | None, step: str | int) -> tuple[int, Node] | None:
    """Return line and node of one key or number below a node."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None
