"""What stops a policy pack or a scenario file from being used: one sentence, the place, and the next step.

These never travel to a caller: a service with a pack that does not load does not start, and a running engine answers
every trouble with a denial (`engine.ErrorCode`). Source: law.md section 4.
"""


class PolicyError(Exception):
    """Something about the law as data is not usable."""


class PackInvalid(PolicyError):
    """A pack does not load: `file` is the path inside it, `policy` the `@id` at fault, None for the whole file."""

    def __init__(self, pack: str, file: str, why: str, *, fix: str, policy: str | None = None) -> None:
        self.pack = pack
        self.file = file
        self.policy = policy
        self.why = why
        self.fix = fix
        at = f"{pack}/{file}" + (f", policy {policy}" if policy else "")
        super().__init__(f"Pack {at}: {why}. {fix}")


class PacksConflict(PolicyError):
    """Two versions of one pack would be in force at the same moment."""

    def __init__(self, pack: str, versions: tuple[str, str]) -> None:
        self.pack = pack
        self.versions = versions
        super().__init__(
            f"Pack {pack}: versions {versions[0]} and {versions[1]} are in force at the same time. "
            "End the older one (in_force.until) where the newer one begins."
        )


class ContextInvalid(PolicyError):
    """A field of a context is missing, unknown or has a value outside its list."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        super().__init__(f"Context field {field}: {why}")


class ScenarioInvalid(PolicyError):
    """A scenario file cannot be run: `where` in words, `path` as the keys and numbers (from 0) that lead there."""

    def __init__(self, where: str, why: str, *, path: tuple[str | int, ...] = ()) -> None:
        self.where = where
        self.path = path
        self.why = why
        super().__init__(f"Scenario file, {where}: {why}")
