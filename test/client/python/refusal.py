"""Why a call failed, in the parts that a program decides by."""

from dataclasses import dataclass, field

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo
from grpc_status import rpc_status


@dataclass
class Refusal:
    """A status and its details."""

    code: str
    """The status code, such as ALREADY_EXISTS."""
    reason: str = ""
    """A name of the enum ErrorReason, without its prefix."""
    metadata: dict[str, str] = field(default_factory=dict)
    """What belongs to the reason, such as the id of what was in the way."""
    violations: dict[str, str] = field(default_factory=dict)
    """What is wrong with the request, by the field's path."""
    request_id: str = ""
    """Finds the call in the server's log."""


def refusal_of(error: grpc.RpcError) -> Refusal:
    """Reads the details of an error that a call has raised."""
    assert isinstance(error, grpc.Call)
    found = Refusal(error.code().name)
    status = rpc_status.from_call(error)
    info, bad_request, request_info = ErrorInfo(), BadRequest(), RequestInfo()
    for detail in status.details if status else ():
        if detail.Unpack(info):
            found.reason, found.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            found.violations = {each.field: each.description for each in bad_request.field_violations}
        elif detail.Unpack(request_info):
            found.request_id = request_info.request_id
    return found
