package example;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.gson.JsonSerializationContext;
import com.google.gson.JsonSerializer;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import connectory.v1.ConnectionProfileOuterClass.ConnectionProfile;
import connectory.v1.ConnectionProfileServiceGrpc;
import connectory.v1.ConnectionServiceGrpc;
import connectory.v1.ConnectionServiceOuterClass.WatchConnectionsResponse;
import io.grpc.ManagedChannel;
import java.lang.reflect.Type;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A client of Connectory in Java: makes each kind of call once and prints what came of it as one JSON object. Its
 * arguments: a user, an address where nobody listens, and one where whoever listens never answers.
 */
public final class Client {
  private Client() {}

  public static void main(String[] arguments) throws Exception {
    String user = arguments[0];
    String closed = arguments[1];
    String silent = arguments[2];
    ManagedChannel channel = Dial.dial();
    Connections connections = new Connections(ConnectionServiceGrpc.newBlockingV2Stub(channel));
    Profiles profiles = new Profiles(ConnectionProfileServiceGrpc.newBlockingV2Stub(channel));

    Map<String, Object> results = new LinkedHashMap<>();
    results.put("connected", connections.traced("connect-" + user).connect(user, user + "-1"));
    results.put("again", connections.connect(user, user + "-1"));
    results.put("invalid", connections.traced("invalid-" + user).connectWrongly());
    ConnectionProfile profile = profiles.create(user, closed);
    results.put("profile", profile);
    for (String suffix : List.of("2", "3", "4", "5")) connections.connect(user, user + "-" + suffix);
    results.put("pages", connections.listInPages(user));
    // Broken off after two changes, and resumed.
    List<WatchConnectionsResponse> watched = connections.watch(user, profile.getRevision(), 2, 10_000);
    watched.addAll(connections.watch(user, watched.get(1).getRevision(), 2, 10_000));
    results.put("watched", watched);
    results.put("quiet", connections.watchInVain(user, watched.get(3).getRevision()));
    results.put("test", profiles.test(closed, 10));
    results.put("steps", profiles.steps(closed));
    results.put("late", profiles.test(silent, 2));
    channel.shutdown();

    Gson gson =
        new GsonBuilder()
            .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
            .registerTypeHierarchyAdapter(Message.class, (JsonSerializer<Message>) Client::plain)
            .create();
    System.out.println(gson.toJson(results));
  }

  /** A message as protobuf's JSON, which has the names of the contract and RFC 3339 times. */
  private static JsonElement plain(Message message, Type type, JsonSerializationContext context) {
    try {
      return JsonParser.parseString(JsonFormat.printer().print(message));
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalArgumentException(error);
    }
  }
}
