"""A SoftHSM2 token for tests: a real PKCS#11 module, its token in a folder of the test's own.

The library is a system package (`softhsm2` on Debian; .ci/run installs it); where it is missing the tests fail.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from placet.audit.hsmkeys import TokenKeys
from placet.kit.security.redacted import SecretStr

LABEL: Final = "placet"
PIN: Final = "4711-0815"
_PLACES: Final = ("/usr/lib/softhsm", "/usr/lib/*/softhsm", "/usr/lib64/pkcs11", "/opt/homebrew/lib/softhsm")


def module() -> Path:
    """Return where SoftHSM2's library is."""
    for place in _PLACES:
        for found in sorted(Path("/").glob(f"{place.lstrip('/')}/libsofthsm2.*")):
            return found
    raise AssertionError("SoftHSM2 is missing and the PKCS#11 provider cannot be tested: apt-get install softhsm2")


def make_token(folder: Path) -> None:
    """Make a token in `folder`, and point SoftHSM2 of this process and its children to it, before it is first used."""
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "so-pin-1"]
    subprocess.run(command, check=True, capture_output=True)


def token_keys(pin: str = PIN, label: str = LABEL) -> TokenKeys:
    """Return the provider over the token."""
    return TokenKeys(module(), label, SecretStr(pin))
