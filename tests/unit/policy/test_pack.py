"""Loading a pack: what is whole loads, everything else is refused with file, policy and next step."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placet.permission.policy import metadata
from placet.permission.policy.errors import PackInvalid
from placet.permission.policy.pack import FILES, POLICIES, SCHEMA, SHIPPED, Pack, hash_of, load, load_shipped


def edit(folder: Path, file: str, change: Callable[[str], str]) -> Path:
    path = folder / file
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before, "the test changes nothing"
    path.write_text(after, encoding="utf-8")
    return folder


def edit_json(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = folder / metadata.FILE
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return folder


def refused(folder: Path) -> PackInvalid:
    with pytest.raises(PackInvalid) as caught:
        load(folder)
    error = caught.value
    assert error.pack in str(error)
    assert error.file in str(error)
    assert str(error).endswith(error.fix)
    return error


def test_every_shipped_pack_loads() -> None:
    for folder in SHIPPED.iterdir():
        pack = load_shipped(folder.name)
        assert pack.id == folder.name
        assert all(rule.explanation.zh_cn and rule.next.en for rule in pack.rules.values())


def test_the_hash_vouches_for_every_file(copied: Path, cn: Pack) -> None:
    assert load(copied).hash == cn.hash
    hashes = {cn.hash}
    for file in FILES:
        edit(copied, file, lambda text: text + "\n")
        hashes.add(load(copied).hash)
    assert len(hashes) == 4


def test_the_hash_is_the_permanent_form() -> None:
    # base64url of SHA-256("one") and SHA-256("two"), by hand in the order of the paths.
    text = (
        '{"files":[["a.json","dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z_0Me0"],'
        '["b.cedar","P8TM_nRYcOLA2Z9x8w_wZWyN7dQcwdfT03aw2-aF4vM"]]}'
    )
    digest = hashlib.sha256(b"placet/pack/v1\0" + text.encode()).digest()
    hashed = hash_of({"b.cedar": b"two", "a.json": b"one"})
    assert hashed == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert hashed == "RCYhfAkwE0Ltxv7hEGKe3evfViLbCvczKx2pKlyFnaE"  # a permanent format: never change this line


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(copied: Path, file: str) -> None:
    (copied / file).unlink()
    assert refused(copied).file == file


def test_a_file_too_many_is_named(copied: Path) -> None:
    (copied / "notes.txt").write_text("x")
    assert refused(copied).file == "notes.txt"


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing").file == "."


def test_a_file_that_is_a_folder(copied: Path) -> None:
    (copied / POLICIES).unlink()
    (copied / POLICIES).mkdir()
    assert refused(copied).file == "."


@pytest.mark.parametrize("file", [POLICIES, SCHEMA])
def test_text_must_be_utf_8(copied: Path, file: str) -> None:
    (copied / file).write_bytes(b"\xff\xfe")
    assert refused(copied).file == file


ART_3 = '@id("cn-2025/art-3")'
SPOILED_POLICIES = [
    (lambda text: text + "forbid (", None, "parse"),
    (lambda text: text.replace(ART_3, ""), None, "no @id"),
    (lambda text: text.replace(ART_3, "@id"), None, "no @id"),
    (lambda text: text.replace(ART_3, '@id("eu/art-3")'), "eu/art-3", "form"),
    (lambda text: text.replace(ART_3, '@id("cn-2025/Art 3")'), "cn-2025/Art 3", "form"),
    (lambda text: text.replace(ART_3, '@id("cn-2025/art-9")'), "cn-2025/art-9", "two policies"),
    (lambda text: text.replace(ART_3, f'{ART_3}\n@confidence("read")'), "cn-2025/art-3", "annotation"),
    (lambda text: text.replace(ART_3, '@id("cn-2025/art-99")'), "cn-2025/art-99", "not described"),
    (lambda text: text.replace("!context.purpose_reviewed", "!context.purpose_reviwed"), "cn-2025/art-3", "reviwed"),
    (
        lambda text: text.replace("!context.purpose_reviewed", 'context.purpose_reviewed == "false"'),
        "cn-2025/art-3",
        "compatible",
    ),
    (lambda text: text.replace('Operation::"delete" };', 'Operation::"delte" };', 1), "cn-2025/art-3", "delte"),
    (lambda text: text.replace('Operation::"delete" };', '"delete" };', 1), "cn-2025/art-3", "compatible"),
]


@pytest.mark.parametrize(("spoil", "policy", "why"), SPOILED_POLICIES)
def test_a_spoiled_policy_is_named(copied: Path, spoil: Callable[[str], str], policy: str | None, why: str) -> None:
    error = refused(edit(copied, POLICIES, spoil))
    assert error.policy == policy
    assert why in error.why


def test_a_policy_that_sees_more_than_the_context(copied: Path) -> None:
    scope = '(principal == Controller::"bank", action, resource)'
    spoiled = edit(copied, POLICIES, lambda text: text.replace("(principal, action, resource)", scope, 1))
    assert refused(spoiled).policy == "cn-2025/art-6-1"


def test_a_template_is_refused(copied: Path) -> None:
    template = '@id("cn-2025/art-3")\npermit (principal == ?principal, action, resource);\n'
    spoiled = edit(copied, POLICIES, lambda text: text + template)
    assert "template" in refused(spoiled).why


def test_a_described_policy_must_exist(copied: Path) -> None:
    def drop(text: str) -> str:
        begin = text.index(ART_3)
        return text[:begin] + text[text.index("// ----", begin) :]

    error = refused(edit(copied, POLICIES, drop))
    assert (error.file, error.policy) == (POLICIES, "cn-2025/art-3")


def test_the_effect_must_agree(copied: Path) -> None:
    error = refused(edit_json(copied, lambda pack: pack["rules"][3].update(effect="permit")))
    assert (error.file, error.policy) == (metadata.FILE, "cn-2025/art-3")


SPOILED_SCHEMAS = [
    (lambda text: text + "entity", "Cedar refuses"),
    (lambda text: text.replace("    egress: Bool,\n", ""), "egress"),
    (lambda text: text.replace("    egress: Bool,", "    egress?: Bool,"), "optional"),
    (lambda text: text.replace("    egress: Bool,", "    egress: Bool,\n    extra: Bool,"), "extra"),
    (lambda text: text.replace("    egress: Bool,", "    egress: String,"), "does not fit"),
    (lambda text: text.replace("    egress: Bool,", "    egress: Bool,\n    extra?: Bool,"), "optional"),
    (lambda text: text.replace('"device", "vault"]', '"device"]'), "vault"),
    (lambda text: text.replace('entity Storage enum ["none", "device", "vault"];', "entity Storage;"), "any word"),
    (lambda text: text.replace("storage: Storage", "storage: String"), "does not fit"),
]


@pytest.mark.parametrize(("spoil", "why"), SPOILED_SCHEMAS)
def test_a_schema_that_is_not_the_context_is_refused(copied: Path, spoil: Callable[[str], str], why: str) -> None:
    error = refused(edit(copied, SCHEMA, spoil))
    assert error.file == SCHEMA
    assert why in error.why


SPOILED_METADATA = [
    (lambda pack: pack.pop("title"), None, "title"),
    (lambda pack: pack.update(extra=1), None, "extra"),
    (lambda pack: pack.update(format="placet.pack/2"), None, "format"),
    (lambda pack: pack.update(id="cn-2026"), None, "cn-2026"),
    (lambda pack: pack["title"].update(en=""), None, "title"),
    (lambda pack: pack["in_force"].update({"from": "2025-06-01T00:00:00"}), None, "in_force"),
    (lambda pack: pack["in_force"].update(until="2025-06-01T00:00:00+08:00"), None, "not after"),
    (lambda pack: pack["minor"].update(bands=["13", "13"]), None, "twice"),
    (lambda pack: pack["minor"].update(bands=["12"]), None, "bands"),
    (lambda pack: pack["instruments"].append(pack["instruments"][0]), None, "listed twice"),
    (lambda pack: pack["instruments"][0].update(address="order 19"), None, "address"),
    (lambda pack: pack["rules"].append(pack["rules"][3]), "cn-2025/art-3", "described twice"),
    (lambda pack: pack["rules"][3].update(confidence="sure"), None, "confidence"),
    (lambda pack: pack["rules"][3].update(rules=["R17"]), None, "rules"),
    (lambda pack: pack["rules"][3]["source"].update(instrument="order-20"), "cn-2025/art-3", "order-20"),
    (lambda pack: pack["rules"][3].pop("next"), None, "next"),
    (lambda pack: pack["rules"].pop(3), "cn-2025/art-3", "not described"),
]


@pytest.mark.parametrize(("spoil", "policy", "why"), SPOILED_METADATA)
def test_spoiled_metadata_is_named(
    copied: Path,
    spoil: Callable[[dict[str, Any]], object],
    policy: str | None,
    why: str,
) -> None:
    error = refused(edit_json(copied, spoil))
    assert error.file == metadata.FILE
    assert error.policy == policy
    assert why in error.why


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 1, "id": 2}', "[" * 100_000])
def test_metadata_that_is_no_object(copied: Path, text: str) -> None:
    (copied / metadata.FILE).write_text(text)
    assert refused(copied).file == metadata.FILE


def test_a_doubled_key_is_refused(copied: Path) -> None:
    error = refused(edit(copied, metadata.FILE, lambda text: text.replace('"version"', '"id": "cn-2025",\n "version"')))
    assert "'id' stands twice" in error.why


def test_a_pack_shows_itself_with_its_hash(cn: Pack) -> None:
    assert repr(cn) == f"Pack(cn-2025, version {cn.metadata.version}, {cn.hash})"
    assert cn != load_shipped("cn-2025")  # compared by its hash, not by what it holds
