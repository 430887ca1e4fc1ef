"""How to reach the service."""

import os
from pathlib import Path

import grpc


def dial() -> grpc.Channel:
    """Connects to CONNECTORY_ADDRESS.

    With CONNECTORY_CA it speaks TLS and trusts that authority alone; with CONNECTORY_CERT and CONNECTORY_KEY it shows a
    certificate of its own.
    """
    address = os.environ["CONNECTORY_ADDRESS"]
    if "CONNECTORY_CA" not in os.environ:
        return grpc.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=pem("CONNECTORY_CA"),
        private_key=pem("CONNECTORY_KEY"),
        certificate_chain=pem("CONNECTORY_CERT"),
    )
    return grpc.secure_channel(address, credentials)


def pem(variable: str) -> bytes | None:
    """The content of the file that a variable names."""
    return Path(os.environ[variable]).read_bytes() if variable in os.environ else None


def headers(request_id: str = "", traceparent: str = "") -> tuple[tuple[str, str], ...]:
    """The metadata of a call: the token of CONNECTORY_TOKEN, and how the call is named in logs, events and traces."""
    named = {"x-request-id": request_id, "traceparent": traceparent}
    token = os.environ["CONNECTORY_TOKEN"]
    return ("authorization", f"Bearer {token}"), *((name, value) for name, value in named.items() if value)
