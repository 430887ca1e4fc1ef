"""Creates, reads, updates and lists profiles with the client that openapi-generator has made."""

import json
import sys

from client import ApiClient, Configuration, ConnectionProfileServiceApi
from client import CreateConnectionProfileRequest, UpdateConnectionProfileBody


def main() -> None:
    given = json.load(sys.stdin)
    configuration = Configuration(host=given["baseUrl"], access_token=given["token"])
    with ApiClient(configuration) as client:
        profiles = ConnectionProfileServiceApi(client)
        outcomes = []
        for call in given["calls"]:
            create = CreateConnectionProfileRequest.from_dict(call["create"])
            created = profiles.create_connection_profile(create)
            identity = created.actual_instance.id
            read = profiles.get_connection_profile(identity)
            update = UpdateConnectionProfileBody.from_dict(call["update"])
            updated = profiles.update_connection_profile(identity, update_connection_profile_body=update)
            outcomes.append({"created": plain(created), "read": plain(read), "updated": plain(updated)})
        listed = profiles.list_connection_profiles(page_size=100)
        print(json.dumps({"outcomes": outcomes, "listed": [plain(profile) for profile in listed.data]}))


def plain(model):
    return json.loads(model.to_json())


main()
