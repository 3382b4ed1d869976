"""The golden `.tlog-proof` files and trust policies; `regenerate.py` writes them, and no old value may change."""

from collections.abc import Callable, Mapping, Sequence

from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.errors import PolicyError, TlogError
from placet.tlog.note import Signer, add_signatures, format_vkey
from placet.tlog.policy import parse_policy
from placet.tlog.proof import inclusion_proof
from placet.tlog.tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof
from placet.tlog.tree import LevelTree

Json = dict[str, object]
WITNESSES = {
    name: CosignatureSigner.from_seed(f"witness.example/{name.lower()}", bytes([number]) * 32)
    for number, name in enumerate(("X1", "X2", "X3", "Y1", "Y2", "Y3"), 1)
}


def tlogproofs(log: Signer, witness: CosignatureSigner, tree_of: Callable[[int], LevelTree]) -> Json:
    """Entry 0 alone, an entry of 13 cosigned, and one with extra data; then what must be refused."""
    made = [
        _proof(log, tree_of, 0, 1),
        _proof(log, tree_of, 6, 13, witness=witness),
        _proof(log, tree_of, 12, 13, extra=b"age-v1.2.1-darwin-arm64"),
    ]
    return {"proofs": made, "refused": _refused_proofs(str(made[1]["text"]), str(made[2]["text"]))}


def _proof(
    log: Signer,
    tree_of: Callable[[int], LevelTree],
    index: int,
    size: int,
    *,
    witness: CosignatureSigner | None = None,
    extra: bytes = b"",
) -> Json:
    tree = tree_of(size)
    note = sign_checkpoint(Checkpoint(origin=log.vkey.name, size=size, root=tree.root()), log)
    if witness is not None:
        note = add_signatures(note, [witness.cosign(note, timestamp=1_700_000_000).line()])
    hashes = tuple(inclusion_proof(index, size, tree))
    text = format_tlog_proof(TlogProof(index=index, hashes=hashes, checkpoint=note, extra=extra))
    return {"index": index, "size": size, "extra": extra.hex(), "checkpoint": note, "text": text}


def _refused_proofs(plain: str, extra: str) -> list[Json]:
    first = plain.split("\n")[2]
    cases = {
        "another version": plain.replace("@v1\n", "@v2\n", 1),
        "no index": plain.replace("index 6\n", "", 1),
        "an index with a leading zero": plain.replace("index 6\n", "index 06\n", 1),
        "a negative index": plain.replace("index 6\n", "index -6\n", 1),
        "an index beyond every tree": plain.replace("index 6\n", f"index {2**63 - 1}\n", 1),
        "extra after the index": plain.replace("index 6\n", "index 6\nextra YQ==\n", 1),
        "empty extra": plain.replace("index 6\n", "extra \nindex 6\n", 1),
        "extra twice": extra.replace("index ", "extra YQ==\nindex ", 1),
        "extra without padding": plain.replace("index 6\n", "extra YQ\nindex 6\n", 1),
        "a hash of 31 bytes": plain.replace(first, "A" * 40 + "AA==", 1),
        "a hash with stray bits": plain.replace(first, first[:-2] + ("B=" if first[-2] == "A" else "Z="), 1),
        "64 hashes": plain.replace(first, "\n".join([first] * 61), 1),
        "lines that end in CR LF": plain.replace("\n", "\r\n"),
        "no checkpoint": plain.partition("\n\n")[0],
        "a checkpoint without signatures": plain[: plain.rindex("\n\n") + 1],
    }
    return [{"case": case, "text": text, "reason": _reason(parse_tlog_proof, text)} for case, text in cases.items()]


def _reason(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except TlogError as error:
        return error.reason
    raise AssertionError("accepted what must be refused")


def policies(log: Signer, other: Signer) -> Json:
    """The two-level example of the specification, and others; then what must be refused, with the line."""
    logs = f"log {format_vkey(log.vkey)}\n"
    x, y = _lines("X1", "X2", "X3"), _lines("Y1", "Y2", "Y3")
    groups = "group X-witnesses 2 X1 X2 X3\n", "group Y-witnesses any Y1 Y2 Y3\n"
    levels = f"{logs}\n{x}{groups[0]}\n{y}{groups[1]}\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
    return {
        "witnesses": {name: format_vkey(signer.vkey) for name, signer in WITNESSES.items()},
        "policies": [
            _policy(f"{logs}quorum none\n", [], ["X1"]),
            _policy(
                f"# rotated\n{logs}log {format_vkey(other.vkey)} https://log.example/bank\n{x}quorum X2\n",
                ["X2"],
                ["X1"],
            ),
            _policy(levels, ["X1"], ["X1", "X2"], ["Y1"], ["X1", "Y1"], ["X1", "X3", "Y2"], list(WITNESSES)),
            _policy(f"{logs}{x}\tgroup  all\tall X1  X2 X3 \nquorum all", ["X1", "X2"], ["X1", "X2", "X3"]),
        ],
        "refused": [_refused_policy(case, text) for case, text in _refused_policies(logs, x).items()],
    }


def _lines(*names: str) -> str:
    return "".join(f"witness {name} {format_vkey(WITNESSES[name].vkey)}\n" for name in names)


def _policy(text: str, *cosigners: Sequence[str]) -> Json:
    policy = parse_policy(text)
    return {"text": text, "cosigned": [{"by": by, "reached": policy.reached_by(by)} for by in cosigners]}


def _refused_policies(logs: str, x: str) -> Mapping[str, str]:
    one, two = x.splitlines(keepends=True)[:2]
    renamed = one.replace("witness X1 ", "witness Z ", 1)
    ready = f"{logs}{x}"
    return {
        "no quorum": ready,
        "two quorums": f"{ready}quorum X1\nquorum X1\n",
        "a quorum defined below": f"{logs}quorum X1\n{x}",
        "a quorum of nobody": f"{ready}quorum X4\n",
        "an unknown line": f"{ready}monitor X1\nquorum none\n",
        "a log without a key": f"log\n{x}quorum none\n",
        "a witness without a key": f"{logs}witness X1\nquorum X1\n",
        "a quorum of two": f"{ready}quorum X1 X2\n",
        "a log with a witness's key": f"log {one.split(' ')[2]}quorum none\n",
        "a witness with a log's key": f"witness X1 {logs.split(' ')[1]}quorum X1\n",
        "a key that is cut off": f"{logs.strip()[:-4]}\nquorum none\n",
        "one log twice": f"{logs}{logs}quorum none\n",
        "one witness under two names": f"{ready}{renamed}quorum none\n",
        "two witnesses of one name": f"{one}{two.replace('X2', 'X1', 1)}quorum none\n",
        "a witness called none": one.replace("X1", "none", 1),
        "a group called like a witness": f"{ready}group X1 any X2\nquorum X1\n",
        "a group without members": f"{ready}group G any\nquorum G\n",
        "a group of none": f"{ready}group G any none\nquorum G\n",
        "a group of itself": f"{ready}group G any G\nquorum G\n",
        "a group of one below": f"{ready}group G any H\ngroup H any X1\nquorum G\n",
        "a member twice": f"{ready}group G 2 X1 X1\nquorum G\n",
        "a member of two groups": f"{ready}group G any X1\ngroup H any X1\nquorum H\n",
        "a threshold of zero": f"{ready}group G 0 X1\nquorum G\n",
        "a threshold beyond the members": f"{ready}group G 2 X1\nquorum G\n",
        "a threshold with a leading zero": f"{ready}group G 01 X1\nquorum G\n",
        "a threshold that is a word": f"{ready}group G some X1\nquorum G\n",
        "a carriage return": f"{ready}quorum none\r\n",
        "a form feed between items": f"{ready}quorum\fnone\n",
    }


def _refused_policy(case: str, text: str) -> Json:
    try:
        parse_policy(text)
    except PolicyError as error:
        return {"case": case, "text": text, "line": error.line, "reason": error.reason}
    raise AssertionError(f"accepted {case}")
