"""Calls of ConnectionProfileService."""

from collections.abc import Iterator

from connectory.v1.connection_profile_pb2 import ConnectionProfile
from connectory.v1.connection_profile_service_pb2 import (
    CreateConnectionProfileRequest,
    StreamConnectionProfileTestRequest,
    StreamConnectionProfileTestResponse,
    TestConnectionProfileRequest,
    TestConnectionProfileResponse,
)
from connectory.v1.connection_profile_service_pb2_grpc import ConnectionProfileServiceStub
from connectory.v1.connector_pb2 import ConnectorConfig
from connectory.v1.kafka_config_pb2 import KafkaConfig

from dial import headers


def kafka(servers: str) -> ConnectorConfig:
    """A configuration of the connector `kafka`; each connector has a message and a member of its own."""
    return ConnectorConfig(kafka=KafkaConfig(bootstrap_servers=servers))


def create_profile(stub: ConnectionProfileServiceStub, name: str, servers: str) -> ConnectionProfile:
    request = CreateConnectionProfileRequest(name=name, config=kafka(servers))
    return stub.CreateConnectionProfile(request, metadata=headers(), timeout=10).connection_profile


def test_config(
    stub: ConnectionProfileServiceStub, servers: str, timeout: float = 10
) -> TestConnectionProfileResponse:
    """Gets an answer, not an error, when the system cannot be used: the report says why.

    So it does when the system never answers: the server ends the test a little before the caller's deadline.
    """
    request = TestConnectionProfileRequest(config=kafka(servers))
    return stub.TestConnectionProfile(request, metadata=headers(), timeout=timeout)


def stream_test(stub: ConnectionProfileServiceStub, servers: str) -> Iterator[StreamConnectionProfileTestResponse]:
    """Gets the steps of a test as they happen; the last message has the whole report."""
    request = StreamConnectionProfileTestRequest(config=kafka(servers))
    yield from stub.StreamConnectionProfileTest(request, metadata=headers(), timeout=10)
