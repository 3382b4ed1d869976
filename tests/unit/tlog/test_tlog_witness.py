"""The add-checkpoint call byte for byte, and every rule of a witness with its status code."""

import pytest

from placet.tlog.addcheckpoint import (
    MAX_PROOF,
    MAX_REQUEST_BYTES,
    AddCheckpoint,
    Status,
    cosignatures_of,
    format_request,
    format_size,
    origin_hash,
    parse_request,
    parse_size,
)
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.errors import NoteError, RequestError
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, Verifier, add_signatures, sign_note
from placet.tlog.proof import consistency_proof
from placet.tlog.tree import MAX_SIZE, LevelTree, subtree_root
from placet.tlog.witness import Conflict, Cosign, Held, LogKeys, Refusal, contradicts, decide

ORIGIN = "log.example/retailer"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
ROTATED = Signer.from_seed(ORIGIN, bytes(range(2, 34)))
OTHER = Signer.from_seed("log.example/bank", bytes(range(3, 35)))
WITNESS = CosignatureSigner.from_seed("witness.example/w1", bytes(range(1, 33)))
LOGS = LogKeys([Verifier(LOG.vkey), Verifier(ROTATED.vkey)])


class Log:
    """Entries, and the same log with another entry from `fork_at` on."""

    def __init__(self, size: int, fork_at: int | None = None) -> None:
        names = ["" if fork_at is None or index < fork_at else "forged " for index in range(size)]
        self.tree = LevelTree.from_leaves(b"".join(leaf_hash(f"{n}{i}".encode()) for i, n in enumerate(names)))

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(origin=ORIGIN, size=size, root=subtree_root(0, size, self.tree))

    def note(self, size: int, signer: Signer = LOG) -> str:
        return sign_checkpoint(self.checkpoint(size), signer)

    def held(self, size: int) -> Held:
        return Held(checkpoint=self.checkpoint(size), note=self.note(size))

    def request(self, old: int, size: int, **changes: object) -> bytes:
        fields = {"old": old, "proof": consistency_proof(old, size, self.tree), "note": self.note(size)} | changes
        return format_request(AddCheckpoint.of(**fields))  # type: ignore[arg-type]


HONEST = Log(64)
FORGED = Log(64, fork_at=5)


def refused(body: bytes, held: Held | None, logs: LogKeys = LOGS) -> Refusal:
    decision = decide(body, logs, lambda _: held)
    assert isinstance(decision, Refusal), decision
    return decision


def test_the_body_of_a_request() -> None:
    request = parse_request(HONEST.request(5, 13))
    body = format_request(request).decode()
    hashes = body.split("\n")[1 : 1 + len(request.proof)]
    assert body == "old 5\n" + "".join(f"{one}\n" for one in hashes) + "\n" + HONEST.note(13)
    assert (request.old, request.checkpoint) == (5, HONEST.checkpoint(13))
    assert parse_request(HONEST.request(0, 13)).proof == ()


def test_the_example_of_the_specification_reads() -> None:
    body = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa \
opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
    request = parse_request(body)
    assert (request.old, len(request.proof), request.checkpoint.size) == (20852014, 4, 20852163)
    assert format_request(request) == body


NOTE = HONEST.note(13)
HASH = "A" * 43 + "="


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"old 0\n", "body"),
        (b"old 0\n\xff\n\n" + NOTE.encode(), "body"),
        (b"x" * (MAX_REQUEST_BYTES + 1), "body"),
        (f"old 00\n\n{NOTE}".encode(), "old"),
        (f"old -1\n\n{NOTE}".encode(), "old"),
        (f"old  1\n\n{NOTE}".encode(), "old"),
        (f"new 1\n\n{NOTE}".encode(), "old"),
        (f"old\n\n{NOTE}".encode(), "old"),
        (f"old {2**63}\n\n{NOTE}".encode(), "old"),
        (f"old 1\nAAAA\n\n{NOTE}".encode(), "proof"),
        (f"old 1\n{HASH[:-1]}\n\n{NOTE}".encode(), "proof"),
        (f"old 1\n{f'{HASH}' + chr(10)}{(HASH + chr(10)) * MAX_PROOF}\n{NOTE}".encode(), "proof"),
        (f"old 1\r\n{HASH}\n\n{NOTE}".encode(), "old"),
        (f"old 0\n\n{NOTE.replace(chr(10) + '13' + chr(10), chr(10) + '013' + chr(10))}".encode(), "checkpoint"),
        (f"old 0\n\n{NOTE[:-1]}".encode(), "checkpoint"),
        (b"old 0\n\n" + sign_note("a\n1\n", [LOG]).encode(), "checkpoint"),
    ],
)
def test_a_malformed_body_is_400_and_names_the_line(body: bytes, field: str) -> None:
    with pytest.raises(RequestError) as error:
        parse_request(body)
    assert error.value.field == field
    assert refused(body, None).status == Status.MALFORMED


def test_63_hashes_are_taken() -> None:
    assert len(parse_request(f"old 1\n{(HASH + chr(10)) * MAX_PROOF}\n{NOTE}".encode()).proof) == MAX_PROOF


def test_extension_lines_are_refused() -> None:
    extended = sign_note(NOTE.partition("\n\n")[0] + "\nextension\n", [LOG])
    assert refused(b"old 0\n\n" + extended.encode(), None).status == Status.MALFORMED


def test_an_unknown_log_is_404() -> None:
    assert refused(HONEST.request(0, 13), None, LogKeys([Verifier(OTHER.vkey)])).status == Status.UNKNOWN_LOG
    assert LOGS.origins == (ORIGIN,)


def test_a_checkpoint_that_no_pinned_key_signed_is_403() -> None:
    by_another = sign_note(NOTE.partition("\n\n")[0] + "\n", [OTHER])
    assert refused(HONEST.request(0, 13, note=by_another), None).status == Status.UNTRUSTED
    wrong = NOTE.replace("\n13\n", "\n14\n", 1)
    assert refused(HONEST.request(0, 13, note=wrong), None).status == Status.UNTRUSTED
    spoilt = add_signatures(NOTE, [HONEST.note(12, ROTATED).splitlines(keepends=True)[-1]])
    assert refused(HONEST.request(0, 13, note=spoilt), None).status == Status.UNTRUSTED


def test_an_old_size_above_the_checkpoint_is_400_whatever_is_held() -> None:
    for held in (None, HONEST.held(20)):
        body = format_request(AddCheckpoint.of(14, [], HONEST.note(13)))
        refusal = refused(body, held)
        assert (refusal.status, refusal.size) == (Status.MALFORMED, None)


def test_another_old_size_is_409_with_the_right_one() -> None:
    for old, held, size in ((1, None, 0), (0, HONEST.held(5), 5), (5, HONEST.held(7), 7), (5, HONEST.held(64), 64)):
        refusal = refused(HONEST.request(old, 13), held)
        assert (refusal.status, refusal.size, refusal.conflict) == (Status.CONFLICT, size, None)


def test_the_first_checkpoint_and_each_that_continues_it_is_cosigned() -> None:
    held: Held | None = None
    for old, size in ((0, 13), (13, 14), (14, 14), (14, 64)):
        decision = decide(HONEST.request(old, size), LOGS, lambda _, held=held: held)  # type: ignore[misc]
        assert isinstance(decision, Cosign)
        held = decision.held
        assert held == HONEST.held(size)


def test_what_is_kept_has_the_signatures_of_the_log_alone() -> None:
    also = add_signatures(
        NOTE, [WITNESS.cosign(NOTE, timestamp=1).line(), HONEST.note(13, ROTATED).splitlines(True)[-1]]
    )
    decision = decide(HONEST.request(0, 13, note=also), LOGS, lambda _: None)
    assert isinstance(decision, Cosign)
    assert [line.split()[1] for line in decision.held.note.splitlines()[4:]] == [ORIGIN, ORIGIN]


def test_two_roots_of_one_size_are_409_without_a_size_and_convict_the_log() -> None:
    refusal = refused(FORGED.request(13, 13), HONEST.held(13))
    assert (refusal.status, refusal.size) == (Status.CONFLICT, None)
    assert refusal.conflict == Conflict(held=HONEST.held(13), offered=FORGED.held(13), proof=())
    assert refusal.conflict.proven


def test_a_fork_is_422_and_its_own_proof_convicts_the_log() -> None:
    refusal = refused(FORGED.request(13, 64), HONEST.held(13))
    assert refusal.status == Status.INCONSISTENT
    assert refusal.conflict is not None
    assert (refusal.conflict.held, refusal.conflict.offered) == (HONEST.held(13), FORGED.held(64))
    assert refusal.conflict.proven


def test_a_proof_that_leads_nowhere_is_422_and_proves_nothing() -> None:
    for proof in ([], [bytes(32)], [bytes(32)] * len(consistency_proof(13, 64, HONEST.tree))):
        refusal = refused(HONEST.request(13, 64, proof=proof), HONEST.held(13))
        assert refusal.status == Status.INCONSISTENT
        assert refusal.conflict is not None
        assert not refusal.conflict.proven


def test_after_a_perfect_tree_a_fork_is_refused_though_not_proven() -> None:
    """Its proof leaves out the old root, which the verifier has."""
    refusal = refused(FORGED.request(16, 64), HONEST.held(16))
    assert refusal.status == Status.INCONSISTENT
    assert refusal.conflict is not None
    assert not refusal.conflict.proven


def test_hashes_where_none_belong_are_422_and_no_conflict() -> None:
    for held, body in (
        (None, HONEST.request(0, 13, proof=[bytes(32)])),
        (HONEST.held(13), HONEST.request(13, 13, proof=[bytes(32)])),
    ):
        refusal = refused(body, held)
        assert (refusal.status, refusal.conflict) == (Status.INCONSISTENT, None)


def test_what_is_consistent_contradicts_nothing() -> None:
    proof = consistency_proof(13, 64, HONEST.tree)
    assert not contradicts(HONEST.checkpoint(13), HONEST.checkpoint(64), proof)
    assert not contradicts(HONEST.checkpoint(13), HONEST.checkpoint(13), ())


def test_sizes_read_back() -> None:
    for size in (0, 7, MAX_SIZE):
        assert parse_size(format_size(size)) == size
    assert parse_size("7") == 7
    for text in ("", "07\n", "7\n\n", "-1\n", f"{2**63}\n", "7 \n"):
        with pytest.raises(RequestError):
            parse_size(text)


def test_a_request_that_cannot_be_is_refused() -> None:
    for changes in ({"old": -1}, {"old": 2**63}, {"proof": [b"short"]}, {"proof": [bytes(32)] * 64}, {"note": "none"}):
        with pytest.raises(RequestError):
            AddCheckpoint.of(**({"old": 0, "proof": [], "note": NOTE} | changes))  # type: ignore[arg-type]


def test_of_an_answer_the_lines_of_pinned_witnesses_are_taken() -> None:
    second = CosignatureSigner.from_seed("witness.example/w2", bytes(range(9, 41)))
    lines = [signer.cosign(NOTE, timestamp=5).line() for signer in (WITNESS, second)]
    pinned = CosignatureVerifier(WITNESS.vkey)
    assert cosignatures_of(NOTE, "".join(lines), [pinned]) == {WITNESS.vkey: lines[0]}
    assert cosignatures_of(NOTE, "".join(lines), [pinned, CosignatureVerifier(second.vkey)]).keys() == {
        WITNESS.vkey,
        second.vkey,
    }
    elsewhere = WITNESS.cosign(HONEST.note(12), timestamp=5).line()
    for bad in (lines[1], elsewhere, "", "no line\n", lines[0][:-1], lines[1] + elsewhere):
        with pytest.raises(NoteError):
            cosignatures_of(NOTE, bad, [pinned])


def test_the_hash_of_an_origin() -> None:
    assert origin_hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
