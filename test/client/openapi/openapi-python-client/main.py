"""Creates, reads, updates and lists profiles with the client that openapi-python-client has made."""

import json
import sys

from client import AuthenticatedClient, models
from client.api.connection_profile_service import (
    create_connection_profile,
    get_connection_profile,
    list_connection_profiles,
    update_connection_profile,
)


def main() -> None:
    given = json.load(sys.stdin)
    client = AuthenticatedClient(base_url=given["baseUrl"], token=given["token"], raise_on_unexpected_status=True)
    outcomes = []
    for call in given["calls"]:
        name = call["create"]["connector"].capitalize()
        create = getattr(models, f"{name}CreateConnectionProfileRequest").from_dict(call["create"])
        created = create_connection_profile.sync(client=client, body=create)
        expect(created, name)
        read = get_connection_profile.sync(created.id, client=client)
        update = getattr(models, f"{name}UpdateConnectionProfileBody").from_dict(call["update"])
        updated = update_connection_profile.sync(created.id, client=client, body=update)
        expect(updated, name)
        outcomes.append({"created": created.to_dict(), "read": read.to_dict(), "updated": updated.to_dict()})
    listed = list_connection_profiles.sync(client=client, page_size=100)
    print(json.dumps({"outcomes": outcomes, "listed": [profile.to_dict() for profile in listed.data]}))


def expect(answer, name: str) -> None:
    if type(answer).__name__ != f"{name}ConnectionProfile":
        raise SystemExit(f"{name}: {answer}")


main()
