"""A client of Connectory in Python: makes each kind of call once and prints what came of it as one JSON object.

    client.py USER CLOSED_ADDRESS SILENT_ADDRESS

Nobody listens at CLOSED_ADDRESS; whoever listens at SILENT_ADDRESS never answers.
"""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from typing import Any

from connectory.v1.connection_profile_service_pb2_grpc import ConnectionProfileServiceStub
from connectory.v1.connection_service_pb2_grpc import ConnectionServiceStub
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from connections import connect, connect_wrongly, list_in_pages, watch, watch_in_vain
from dial import dial
from profiles import create_profile, stream_test, test_config
from refusal import Refusal


def main(user: str, closed: str, silent: str) -> None:
    with dial() as channel:
        connections, profiles = ConnectionServiceStub(channel), ConnectionProfileServiceStub(channel)
        connected = connect(connections, user, f"{user}-1", f"connect-{user}")
        again = connect(connections, user, f"{user}-1")
        invalid = connect_wrongly(connections, f"invalid-{user}")
        profile = create_profile(profiles, user, closed)
        for suffix in "2345":
            connect(connections, user, f"{user}-{suffix}")
        # Broken off after two changes, and resumed.
        with closing(watch(connections, user, profile.revision)) as changes:
            watched = [next(changes), next(changes)]
        with closing(watch(connections, user, watched[-1].revision)) as changes:
            resumed = [next(changes), next(changes)]

        results = {
            "connected": connected,
            "again": again,
            "invalid": invalid,
            "profile": profile,
            "pages": list(list_in_pages(connections, user)),
            "watched": watched + resumed,
            "quiet": watch_in_vain(connections, user, resumed[-1].revision),
            "test": test_config(profiles, closed),
            "steps": list(stream_test(profiles, closed)),
            "late": test_config(profiles, silent, timeout=2),
        }
    print(json.dumps(results, default=plain))


def plain(value: Any) -> Any:
    """A message as protobuf's JSON, which has the names of the contract and RFC 3339 times."""
    if isinstance(value, Message):
        return MessageToDict(value)
    if isinstance(value, Refusal):
        return asdict(value)
    raise TypeError(type(value))


if __name__ == "__main__":
    main(*sys.argv[1:])
