"""Calls of ConnectionService."""

from collections.abc import Generator, Iterator

import grpc
from connectory.v1.connection_pb2 import Connection
from connectory.v1.connection_service_pb2 import (
    CONNECTION_CHANGE_BOOKMARK,
    CreateConnectionRequest,
    GetConnectionRequest,
    ListConnectionsRequest,
    ListConnectionsResponse,
    WatchConnectionsRequest,
    WatchConnectionsResponse,
)
from connectory.v1.connection_service_pb2_grpc import ConnectionServiceStub

from dial import headers
from refusal import Refusal, refusal_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def connect(stub: ConnectionServiceStub, user: str, other: str, request_id: str = "") -> Connection:
    """Answers with the pair's connection, whether it is new or was there before."""
    request = CreateConnectionRequest(user_id_1=user, user_id_2=other)
    try:
        return stub.CreateConnection(request, metadata=headers(request_id, TRACE), timeout=10).connection
    except grpc.RpcError as error:
        refused = refusal_of(error)
        if refused.reason != "CONNECTION_ALREADY_EXISTS":
            raise
        existing = GetConnectionRequest(id=refused.metadata["id"])
        return stub.GetConnection(existing, metadata=headers(), timeout=10).connection


def connect_wrongly(stub: ConnectionServiceStub, request_id: str) -> Refusal:
    """Learns everything that is wrong with a request at once."""
    request = CreateConnectionRequest(user_id_1="two words")
    try:
        stub.CreateConnection(request, metadata=headers(request_id), timeout=10)
    except grpc.RpcError as error:
        return refusal_of(error)
    raise AssertionError("a request that breaks the rules was taken")


def list_in_pages(stub: ConnectionServiceStub, user: str) -> Iterator[ListConnectionsResponse]:
    """Reads all connections of a user, two at a time."""
    request = ListConnectionsRequest(user_id=user, page_size=2)
    while True:
        page = stub.ListConnections(request, metadata=headers(), timeout=10)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def watch(
    stub: ConnectionServiceStub, user: str, after: int, timeout: float = 10
) -> Generator[WatchConnectionsResponse]:
    """Tells of every change after a revision. The revision of the last one is where to go on."""
    request = WatchConnectionsRequest(user_id=user, after_revision=after)
    stream = stub.WatchConnections(request, metadata=headers(), timeout=timeout)
    try:
        for change in stream:
            if change.change != CONNECTION_CHANGE_BOOKMARK:
                yield change
    finally:
        stream.cancel()  # ends it on the server too


def watch_in_vain(stub: ConnectionServiceStub, user: str, after: int) -> Refusal:
    """Waits half a second for a change, in a time when there is none."""
    try:
        next(watch(stub, user, after, timeout=0.5))
    except grpc.RpcError as error:
        return refusal_of(error)
    raise AssertionError("there was a change")
