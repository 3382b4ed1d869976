"""What the protos say about a method: which roles may call it, and which controller a request names.

Owns: `Access`, read once from the descriptors (option `placet.api.common.v1.access`), and the check of a caller.
Never: guesses: a method without the option, without roles, or whose request has no `string controller = 1` cannot be
served. Design: architecture.md section 7.
"""

from dataclasses import dataclass

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from placet.api.common.v1 import access_pb2
from placet.kit.errors import Denied, Invalid
from placet.kit.grpc.caller import Caller

ANY_CONTROLLER = "*"
_OPERATOR_ONLY = frozenset({"operator"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Who may call a method."""

    roles: frozenset[str]

    def check_role(self, caller: Caller) -> None:
        """Raise Denied (ROLE_MISSING) unless the caller has one of the roles."""
        if self.roles.isdisjoint(caller.roles):
            needed = ",".join(sorted(self.roles))
            raise Denied("ROLE_MISSING", f"the token needs one of these roles: {needed}", metadata={"roles": needed})

    def check_controller(self, caller: Caller, controller: str) -> None:
        """Raise Denied (CONTROLLER_FORBIDDEN) unless the token names the controller, Invalid when the request does not.

        `*` in a token stands for every controller only where operators alone may call.
        """
        if not controller:
            raise Invalid("controller", "the request must name its controller", reason="FIELD_MISSING")
        if controller in caller.controllers and controller != ANY_CONTROLLER:
            return
        if ANY_CONTROLLER in caller.controllers and self.roles == _OPERATOR_ONLY and controller != ANY_CONTROLLER:
            return
        raise Denied("CONTROLLER_FORBIDDEN", "the token is not for this controller", field="controller")


def access_of(service: str, method: str) -> Access:
    """Return who may call `service` (full name) `/method`. Raises TypeError when the protos do not say."""
    described: MethodDescriptor = descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]
    options = described.GetOptions()
    if not options.HasExtension(access_pb2.access):
        raise TypeError(f"{service}/{method} has no option (placet.api.common.v1.access) and cannot be served")
    granted = options.Extensions[access_pb2.access].any_of
    if not granted or access_pb2.ROLE_UNSPECIFIED in granted:
        raise TypeError(f"{service}/{method} must say which roles may call it")
    _require_controller(described)
    return Access(roles=frozenset(access_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in granted))


def _require_controller(method: MethodDescriptor) -> None:
    field = method.input_type.fields_by_number.get(1)
    if field is None or field.name != "controller" or field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
        raise TypeError(f"{method.full_name}: the request must have `string controller = 1`")
