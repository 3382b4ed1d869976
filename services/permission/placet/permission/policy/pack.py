"""A policy pack: one law as Cedar policies, a schema and metadata, read from a folder or refused.

Owns: `Pack`, `load`, and the pack's hash. A pack that loads is complete: each policy has an id under the pack's name
and is described, Cedar validates it against the schema, the schema is the whole context, no policy fails on it, and
the compiled form knows every construct and says what Cedar says.
Never: judges (`cedar`), combines packs or looks at dates (`engine`). Source: law.md section 4.

The hash is permanent: SHA-256("placet/pack/v1\\0" || canonical JSON {files: [[path, base64url SHA-256], ...]}).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import cedarpy

from placet.evidence import canonical
from placet.permission.model.vocabulary import AgeBand
from placet.permission.policy import metadata as meta
from placet.permission.policy.cedar import CedarEvaluator, Evaluator
from placet.permission.policy.compiled import CompiledEvaluator
from placet.permission.policy.context import lawful, neighbours
from placet.permission.policy.errors import PackInvalid
from placet.permission.policy.expressions import Unsupported
from placet.permission.policy.metadata import Metadata, Rule
from placet.permission.policy.totality import gaps

POLICIES = "policies.cedar"
SCHEMA = "schema.cedarschema"
FILES = (meta.FILE, POLICIES, SCHEMA)
SHIPPED = Path(__file__).resolve().parent.parent / "packs"
DEFAULT_PACK = "cn-2025"

_HASH_DOMAIN = b"placet/pack/v1\0"
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z][a-z0-9]*(-[a-z0-9]+)+")
_ANY_SCOPE = {"op": "All"}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pack:
    """One law, ready to judge. `hash` is base64url without padding; times are microseconds since 1970 UTC."""

    id: str
    hash: str
    metadata: Metadata
    # Serves; held equal to the reference.
    evaluator: Evaluator
    # Cedar itself, some hundred times slower.
    reference: Evaluator
    # `@id` of each policy -> the fields of the context that it may look at.
    looks_at: Mapping[str, tuple[str, ...]]
    # In force: begin <= moment, and moment < until unless that is None.
    begin: int
    until: int | None
    minor_bands: frozenset[AgeBand]
    # Invariant: one rule for each policy, in the order of pack.json.
    rules: Mapping[str, Rule]

    @property
    def draft(self) -> bool:
        """Whether this never was law: no date puts it in force (`on_purpose` does)."""
        return self.metadata.in_force is None

    def counts_as_minor(self, band: AgeBand) -> bool:
        """Tell whether a person of this age band counts as a minor under this law."""
        return band in self.minor_bands

    def __repr__(self) -> str:
        return f"Pack({self.id}, version {self.metadata.version}, {self.hash})"


def load_shipped(pack: str = DEFAULT_PACK) -> Pack:
    """Load a pack that comes with Placet. Raises PackInvalid."""
    return load(SHIPPED / pack)


def on_purpose(pack: Pack) -> Pack:
    """Return the pack as an operator who names it applies it: a draft from 1970 on, every other by its own dates."""
    return replace(pack, begin=0) if pack.draft else pack


def load(folder: Path) -> Pack:
    """Load the pack in `folder`, whose name is the pack's id. Raises PackInvalid naming file and policy."""
    name = folder.name
    files = _read(folder)
    metadata = meta.parse(name, files[meta.FILE])
    schema = _schema(name, _text(name, SCHEMA, files[SCHEMA]))
    policies = _policies(name, _text(name, POLICIES, files[POLICIES]), schema)
    _check_described(name, policies, metadata)
    reference = _reference(name, policies, schema)
    _check_runs(name, reference)
    evaluator = _compiled(name, policies)
    _check_agree(name, evaluator, reference)
    return Pack(
        id=name,
        hash=hash_of(files),
        metadata=metadata,
        evaluator=evaluator,
        reference=reference,
        looks_at=evaluator.fields,
        begin=metadata.begin,
        until=metadata.until,
        minor_bands=frozenset(metadata.minor.bands),
        rules={rule.id: rule for rule in metadata.rules},
    )


def hash_of(files: Mapping[str, bytes]) -> str:
    """Return the pack hash of path -> bytes, base64url. Source: law.md section 4."""
    listed = [[path, canonical.b64url(sha256(files[path]).digest())] for path in sorted(files)]
    return canonical.b64url(sha256(_HASH_DOMAIN + canonical.encode({"files": listed})).digest())


def _read(folder: Path) -> dict[str, bytes]:
    """Return the files of the pack: exactly these three, since the hash vouches for all that is there."""
    name = folder.name
    try:
        present = {path.name: path for path in folder.iterdir()}
        for path in sorted(present.keys() ^ set(FILES)):
            why = "does not belong into a pack" if path in present else "is missing"
            raise PackInvalid(name, path, f"the file {why}", fix=f"A pack is {', '.join(FILES)}.")
        return {path: present[path].read_bytes() for path in FILES}
    except OSError as error:
        raise PackInvalid(name, ".", f"cannot be read ({error})", fix="Give the folder of a pack.") from error


def _text(pack: str, file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackInvalid(pack, file, f"is not UTF-8 ({error})", fix="Save it as UTF-8.") from error


def _schema(pack: str, text: str) -> cedarpy.Schema:
    """Return the schema; it must be the whole context and nothing else."""
    try:
        schema = cedarpy.Schema.from_str(text)
    except ValueError as error:
        raise PackInvalid(pack, SCHEMA, f"Cedar refuses the schema ({error})", fix="Correct it.") from error
    for gap in gaps(schema):
        raise PackInvalid(pack, SCHEMA, gap, fix="Make the schema the context of law.md section 5.")
    return schema


def _policies(pack: str, text: str, schema: cedarpy.Schema) -> dict[str, dict[str, Any]]:
    """Return the policies in Cedar's JSON form by `@id`, validated against the schema."""
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except (ValueError, RecursionError) as error:
        raise PackInvalid(pack, POLICIES, f"Cedar cannot parse the policies ({error})", fix="Correct them.") from error
    if parsed["templates"] or parsed["templateLinks"]:
        raise PackInvalid(pack, POLICIES, "a template (?principal, ?resource) is no policy", fix="Write it out.")
    named: dict[str, dict[str, Any]] = {}
    for number, policy in enumerate(parsed["staticPolicies"].values(), start=1):
        ident = _identity(pack, number, policy)
        if ident in named:
            raise PackInvalid(pack, POLICIES, "two policies have this id", fix="Number them.", policy=ident)
        named[ident] = policy
    result = cedarpy.validate_policies(text, schema)
    for fault in result.errors:
        policy = result.id_annotations_by_policy_id.get(fault.policy_id) or fault.policy_id
        raise PackInvalid(pack, POLICIES, fault.error, fix="Correct the policy.", policy=policy)
    return named


def _identity(pack: str, number: int, policy: dict[str, Any]) -> str:
    """Return the `@id` of a policy after checking its form; `number` counts from 1 in the file."""
    annotations = policy.get("annotations", {})
    ident = annotations.get("id") or ""
    if not ident:
        raise PackInvalid(pack, POLICIES, f"policy number {number} has no @id", fix=f'Add @id("{pack}/art-...").')
    if not ident.startswith(f"{pack}/") or not _ID.fullmatch(ident):
        raise PackInvalid(pack, POLICIES, "the id has not the form pack/art-N-M", fix="Rename it.", policy=ident)
    if annotations.keys() != {"id"}:
        why = "an annotation besides @id says something that pack.json should say"
        raise PackInvalid(pack, POLICIES, why, fix="Move it there.", policy=ident)
    if any(policy.get(scope) != _ANY_SCOPE for scope in ("principal", "action", "resource")):
        why = "the policy looks at principal, action or resource; it may see nothing but the context"
        raise PackInvalid(pack, POLICIES, why, fix="Write (principal, action, resource).", policy=ident)
    return ident


def _check_described(pack: str, policies: dict[str, dict[str, Any]], metadata: Metadata) -> None:
    """Refuse a policy that pack.json does not describe, a description without a policy, and one of the other effect."""
    described = {rule.id: rule for rule in metadata.rules}
    for ident in sorted(policies.keys() - described.keys()):
        raise PackInvalid(pack, meta.FILE, "the policy is not described", fix="Add it to rules.", policy=ident)
    for ident in sorted(described.keys() - policies.keys()):
        raise PackInvalid(pack, POLICIES, "pack.json describes no such policy here", fix="Write it.", policy=ident)
    for ident, policy in policies.items():
        if policy["effect"] != described[ident].effect:
            why = f"effect is {described[ident].effect}, the policy is a {policy['effect']}"
            raise PackInvalid(pack, meta.FILE, why, fix="Make them agree.", policy=ident)


def _check_runs(pack: str, evaluator: Evaluator) -> None:
    """Refuse a pack whose policies fail on the lawful base: it would deny everything."""
    findings = evaluator.evaluate(lawful())
    for trouble in findings.diagnostics:
        raise PackInvalid(pack, POLICIES, trouble, fix="A policy must have an answer for every context.")


def _reference(pack: str, policies: dict[str, dict[str, Any]], schema: cedarpy.Schema) -> CedarEvaluator:
    try:
        return CedarEvaluator(policies, schema)
    except ValueError as error:  # Cedar reads its own JSON form only some sixty operators deep
        why = f"Cedar does not read the policies back ({error})"
        raise PackInvalid(pack, POLICIES, why, fix="Make the longest condition shorter, with `in [...]`.") from error


def _compiled(pack: str, policies: dict[str, dict[str, Any]]) -> CompiledEvaluator:
    try:
        return CompiledEvaluator(policies)
    except Unsupported as error:
        why = f"the engine does not support {error}"
        raise PackInvalid(pack, POLICIES, why, fix="Say it otherwise.", policy=error.policy) from error


def _check_agree(pack: str, evaluator: Evaluator, reference: Evaluator) -> None:
    """Refuse a pack whose compiled form differs from Cedar on the lawful base with any one fact changed.

    The properties in tests/property/policy say more; this also meets packs and releases of cedarpy that they never saw.
    """
    for context in neighbours():
        got, wanted = evaluator.evaluate(context), reference.evaluate(context)
        if (got.allowed, got.permit, got.forbid, got.errors) != (
            wanted.allowed,
            wanted.permit,
            wanted.forbid,
            wanted.errors,
        ):
            why = f"compiled it says {got}, Cedar says {wanted}"
            raise PackInvalid(pack, POLICIES, why, fix="A defect of Placet: report it, with the pack.")
