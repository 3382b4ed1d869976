"""kill -9 of a witness at any step: it never lets out cosignatures of two histories (P1, P7).

Each row of the table kills a real process at one step of a request and starts it again; then a dishonest operator
offers it every fork that could pass. What it ever let out is compared naively, by the entries. Where the commit had
not returned the write is lost, where it had it is there: both are in the table.
"""

import http.client
import random
from pathlib import Path
from threading import Thread

import pytest
from integration.witness.witness_rig import History, Running, Zygote, new_folder, one_history

HONEST = History.of(20)
FORKS = [HONEST.fork(5), HONEST.fork(7), HONEST.fork(9)]
STEPS = {"decided": "lost", "written": "lost", "kept": "persisted", "half": "persisted", "sent": "persisted"}


def attack(witness: Running) -> None:
    """Offer every fork from every size that the witness may hold."""
    for fork in FORKS:
        for old in (5, 9):
            for size in (9, 12):
                witness.cosign(fork, old, size)


def killed_at(step: str, zygote: Zygote, folder: Path, variant: str = "") -> tuple[int, list[str], Running]:
    """Cosign 5 entries, die at the step while 9 are asked for, start again; return the size held then."""
    vkey = new_folder(folder)
    witness = zygote.start(folder, vkey, variant=variant)
    assert witness.cosign(HONEST, 0, 5) == 200
    (folder / "die").write_text(step)
    answered = witness.cosign(HONEST, 5, 9)
    assert answered == (200 if step == "sent" else 0)
    witness.kill()
    (folder / "die").unlink()
    again = zygote.start(folder, vkey, variant=variant)
    again.cosigned = witness.cosigned
    note = again.checkpoint()
    assert note is not None
    return int(note.split("\n")[1]), list(again.cosigned), again


@pytest.mark.parametrize(("step", "write"), STEPS.items())
def test_killed_at_any_step_it_cosigns_one_history(step: str, write: str, zygote: Zygote, tmp_path: Path) -> None:
    held, _, witness = killed_at(step, zygote, tmp_path / "w")
    assert held == {"lost": 5, "persisted": 9}[write]
    attack(witness)
    assert one_history(witness.cosigned, [HONEST, *FORKS])


def test_killed_before_it_answered_the_log_goes_on(zygote: Zygote, tmp_path: Path) -> None:
    """The log asks again, is told the size that it never heard of, and goes on from there."""
    _, _, witness = killed_at("kept", zygote, tmp_path / "w")
    assert witness.post(HONEST.request(5, 12)) == (409, "text/x.tlog.size", "9\n")
    assert witness.cosign(HONEST, 9, 12) == 200


def test_a_witness_that_answers_first_is_caught(zygote: Zygote, tmp_path: Path) -> None:
    """Negative control: the same kill, of a witness that keeps what it cosigned only after it has answered."""
    held, let_out, witness = killed_at("sent", zygote, tmp_path / "w", "answers-first")
    assert held == 5
    assert HONEST.note(9) in let_out
    attack(witness)
    assert not one_history(witness.cosigned, [HONEST, *FORKS])


def test_two_processes_on_one_state_cosign_one_history(zygote: Zygote, tmp_path: Path) -> None:
    """By mistake or while one is being replaced: the decision is made in the transaction that keeps it."""
    vkey = new_folder(tmp_path / "w")
    processes = [zygote.start(tmp_path / "w", vkey) for _ in range(2)]
    assert processes[0].cosign(HONEST, 0, 5) == 200

    def ask(witness: Running, history: History) -> None:
        for size in range(6, 20):
            note = witness.checkpoint()
            assert note is not None
            witness.cosign(history, min(size, int(note.split("\n")[1])), size)

    threads = [Thread(target=ask, args=(one, of)) for one in processes for of in (HONEST, *FORKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    let_out = [note for one in processes for note in one.cosigned]
    assert len(let_out) > 3
    assert one_history(let_out, [HONEST, *FORKS])


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_random_for_200_rounds_it_cosigns_one_history(zygote: Zygote, tmp_path: Path) -> None:
    vkey = new_folder(tmp_path / "w")
    dice = random.Random(7)
    honest = History.of(1_300)
    forks = [honest.fork(at) for at in (40, 300, 700, 1_100)]
    let_out: list[str] = []
    size = 2
    for _ in range(200):
        witness = zygote.start(tmp_path / "w", vkey)
        (tmp_path / "w" / "die").unlink(missing_ok=True)
        threads = [Thread(target=push, args=(witness, of, size)) for of in (honest, *forks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(dice.random() * 0.15)
        witness.kill()
        for thread in threads:
            thread.join()
        let_out += witness.cosigned
        size += 6
    assert len(let_out) > 200
    assert one_history(let_out, [honest, *forks])


def push(witness: Running, history: History, size: int) -> None:
    """Ask for ever larger checkpoints, with whatever old size the witness says it holds."""
    for at in range(size, size + 6):
        try:
            note = witness.checkpoint()
        except (OSError, http.client.HTTPException):
            return
        witness.cosign(history, 0 if note is None else min(at, int(note.split("\n")[1])), at)
