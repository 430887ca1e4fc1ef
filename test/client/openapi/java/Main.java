import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.ConnectionProfileServiceApi;
import org.openapitools.client.model.ConnectionProfile;
import org.openapitools.client.model.CreateConnectionProfileRequest;
import org.openapitools.client.model.UpdateConnectionProfileBody;

/** Creates, reads, updates and lists profiles with the client that openapi-generator has made. */
public final class Main {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper mapper = ApiClient.createDefaultObjectMapper();
    JsonNode input = mapper.readTree(System.in);
    ApiClient client = new ApiClient();
    client.updateBaseUri(input.get("baseUrl").asText());
    String token = input.get("token").asText();
    client.setRequestInterceptor(request -> request.header("authorization", "Bearer " + token));
    ConnectionProfileServiceApi profiles = new ConnectionProfileServiceApi(client);

    ObjectNode output = mapper.createObjectNode();
    ArrayNode outcomes = output.putArray("outcomes");
    for (JsonNode call : input.get("calls")) {
      var create = mapper.treeToValue(call.get("create"), CreateConnectionProfileRequest.class);
      ConnectionProfile created = profiles.createConnectionProfile(create, null, null, null);
      JsonNode written = mapper.valueToTree(created);
      String id = written.get("id").asText();
      ConnectionProfile read = profiles.getConnectionProfile(id, null, null, null, null);
      var update = mapper.treeToValue(call.get("update"), UpdateConnectionProfileBody.class);
      ConnectionProfile updated = profiles.updateConnectionProfile(id, null, null, null, update);
      ObjectNode outcome = outcomes.addObject();
      outcome.set("created", written);
      outcome.set("read", mapper.valueToTree(read));
      outcome.set("updated", mapper.valueToTree(updated));
    }
    var listed = profiles.listConnectionProfiles(100, null, null, null, null, null, null);
    output.set("listed", mapper.valueToTree(listed.getData()));
    System.out.println(mapper.writeValueAsString(output));
  }
}
