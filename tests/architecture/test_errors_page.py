"""docs/errors.md against the enums, both ways: what exists is documented, what is documented exists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from architecture.workspace import ROOT

from placet.api.common.v1 import errors_pb2, vocabulary_pb2
from placet.evidence.reasons import Reason, Refusal
from placet.kit.errors import Kind
from placet.permission.policy.cedar import ErrorCode
from placet.permit.errors import PermitReason
from placet.sdk import advice
from placet.sdk import errors as sdk_errors

PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")
PROTO = (ROOT / "protos" / "proto" / "placet" / "api" / "common" / "v1" / "errors.proto").read_text("utf-8")
HEADING = re.compile(r"### (\w+) \(`(\w+)`, HTTP (\d+), retry: (\w+)\)")


@dataclass(frozen=True)
class Row:
    """One row of a table: its section's heading, and its cells."""

    section: str
    cells: tuple[str, ...]

    @property
    def code(self) -> str:
        return self.cells[0].strip("`")


def rows() -> Iterator[Row]:
    """Every row of the page whose first cell is a code."""
    section = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            section = line
        elif line.startswith("| `"):
            yield Row(section, tuple(cell.strip() for cell in line.strip("| ").split(" | ")))


def table(section: str) -> list[Row]:
    found = [row for row in rows() if row.section == section]
    assert found, f"no section {section}"
    return found


def codes(section: str) -> list[str]:
    return [row.code for row in table(section)]


def groups_of_the_proto() -> dict[str, str]:
    """Every reason with the gRPC codes that the comment above its group names."""
    found, group = {}, ""
    for line in PROTO.splitlines():
        if heading := re.fullmatch(r"\s+// ([A-Z_, ]+)", line):
            group = heading[1]
        elif value := re.match(r"\s+ERROR_REASON_(\w+) = [1-9]", line):
            found[value[1]] = group
    return found


def names(enum: object, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name, number in enum.items() if number]  # type: ignore[attr-defined]


def reasons() -> list[Row]:
    return [row for row in rows() if HEADING.fullmatch(row.section)]


def test_every_reason_is_documented_and_every_documented_reason_exists() -> None:
    documented = [row.code for row in reasons()]
    assert sorted(documented) == sorted(names(errors_pb2.ErrorReason, "ERROR_REASON_"))


def test_every_reason_stands_under_its_kind() -> None:
    groups = groups_of_the_proto()
    assert len(groups) > 40
    for row in reasons():
        grpc, kind, http, retry = HEADING.fullmatch(row.section).groups()  # type: ignore[union-attr]
        told = Kind(kind)
        assert (told.grpc_code, told.http_status, told.retry.value) == (grpc, int(http), retry)
        assert grpc in groups[row.code].split(", "), row.code


def test_the_table_of_kinds_is_that_of_the_code() -> None:
    told = {row.code: row.cells[1:] for row in table("## Kinds")}
    assert told == {
        kind.value: (
            kind.grpc_code,
            str(kind.http_status),
            kind.retry.value,
            f"`{sdk_errors.CLASSES[sdk_errors.Kind(kind.value)].__name__}`",
        )
        for kind in Kind
    }


def test_the_next_step_is_what_the_sdk_says() -> None:
    for row in [*reasons(), *table("### Raised by the SDK itself")]:
        assert row.cells[2] == advice.next_step(row.code), row.code


def test_the_sdk_raises_no_other_reasons_of_its_own() -> None:
    own = advice.reasons() - set(names(errors_pb2.ErrorReason, "ERROR_REASON_"))
    assert sorted(codes("### Raised by the SDK itself")) == sorted(own)


def test_denials_are_those_of_entries_and_of_the_interface_in_order() -> None:
    assert codes("## Denials") == [reason.value for reason in Reason]
    assert codes("## Denials") == names(vocabulary_pb2.Reason, "REASON_")


def test_policy_errors_refusals_and_causes_are_complete() -> None:
    assert codes("## Errors of the policy engine") == [code.value for code in ErrorCode]
    assert codes("## Refusals of the ledger") == [refusal.value for refusal in Refusal]
    assert codes("## Causes of PERMIT_INVALID") == [*(reason.value for reason in PermitReason), "OPERATION"]


def test_every_row_says_something() -> None:
    for row in rows():
        assert all(len(cell) > 1 or cell.isdigit() for cell in row.cells), row
        assert len(row.cells) >= 2
