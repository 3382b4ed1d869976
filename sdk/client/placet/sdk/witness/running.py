"""A witness put together from its folder, and served until it is told to stop: the only file that knows all others."""

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from placet.sdk.errors import ConfigError
from placet.sdk.logtree.gateway import GatewayTree
from placet.sdk.witness.config import CONFLICTS, KEY, LOGS, REPLAY_KEY, STATE, WitnessConfig
from placet.sdk.witness.conflicts import Conflicts
from placet.sdk.witness.keyfile import load_key
from placet.sdk.witness.replaying import Replayer, ReplayingWitness
from placet.sdk.witness.server import WitnessServer
from placet.sdk.witness.store import Store
from placet.sdk.witness.witness import Witness
from placet.tlog.addcheckpoint import origin_hash
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import format_vkey
from placet.tlog.witness import LogKeys

_log = logging.getLogger(__name__)


def seconds() -> int:
    """Return the time: seconds since 1970 UTC."""
    return int(time.time())


def serve(config: WitnessConfig, *, replay: bool, ready: Callable[[WitnessServer], None] = lambda _: None) -> None:
    """Serve until SIGTERM or SIGINT; raises ConfigError, or OSError if the address is taken."""
    signer = load_key(config.folder / KEY)
    store = Store(config.folder / STATE, format_vkey(signer.vkey))
    logs = LogKeys(key for log in config.logs for key in log.keys)
    replays = _replays(config, signer) if replay else None
    conflicts = Conflicts(config.folder / CONFLICTS)
    witness = Witness(store, logs, signer, conflicts, clock=seconds, replays=replays)
    with WitnessServer((config.host, config.port), witness) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: Thread(target=server.shutdown).start())
        told = {"port": server.port, "vkey": format_vkey(signer.vkey), "logs": logs.origins, "replay": replay}
        _log.info("serving", extra=told)
        ready(server)
        server.serve_forever()
    if replays is not None:
        replays.stop()
    store.close()


def _replays(config: WitnessConfig, first: CosignatureSigner) -> ReplayingWitness:
    """Return the second statement; its key must be another, because a cosignature does not say whose it is."""
    signer = load_key(config.folder / REPLAY_KEY)
    if signer.vkey.public_key == first.vkey.public_key:
        raise ConfigError("CONFIG_INVALID", f"{REPLAY_KEY} and {KEY} must be two keys", field=REPLAY_KEY)
    replayers = {}
    for log in config.logs:
        if log.url is None:
            raise ConfigError("CONFIG_INVALID", f"to replay {log.origin}, say where its entries are", field="log.url")
        tree = GatewayTree(log.url, token=None if log.token_file is None else _token(log.token_file))
        replayers[log.origin] = Replayer(log.origin, tree, config.folder / LOGS / origin_hash(log.origin))
    return ReplayingWitness(replayers, signer, clock=seconds, wait_s=config.replay_wait)


def _token(file: Path) -> Callable[[], str]:
    """Return how to read a bearer token: for each request, so that it may be renewed."""
    return lambda: file.read_text().strip()
