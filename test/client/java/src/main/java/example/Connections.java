package example;

import com.google.protobuf.InvalidProtocolBufferException;
import connectory.v1.ConnectionOuterClass.Connection;
import connectory.v1.ConnectionServiceGrpc.ConnectionServiceBlockingV2Stub;
import connectory.v1.ConnectionServiceOuterClass.ConnectionChange;
import connectory.v1.ConnectionServiceOuterClass.CreateConnectionRequest;
import connectory.v1.ConnectionServiceOuterClass.GetConnectionRequest;
import connectory.v1.ConnectionServiceOuterClass.ListConnectionsRequest;
import connectory.v1.ConnectionServiceOuterClass.ListConnectionsResponse;
import connectory.v1.ConnectionServiceOuterClass.WatchConnectionsRequest;
import connectory.v1.ConnectionServiceOuterClass.WatchConnectionsResponse;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Calls of ConnectionService. */
final class Connections {
  private static final String TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  private final ConnectionServiceBlockingV2Stub stub;

  Connections(ConnectionServiceBlockingV2Stub stub) {
    this.stub = stub;
  }

  /** The same calls under a request id, which the server logs; the event on Kafka has it and the trace. */
  Connections traced(String requestId) {
    return new Connections(
        stub.withInterceptors(Dial.header("x-request-id", requestId), Dial.header("traceparent", TRACE)));
  }

  /** Answers with the pair's connection, whether it is new or was there before. */
  Connection connect(String user, String other) throws StatusException, InvalidProtocolBufferException {
    CreateConnectionRequest request = CreateConnectionRequest.newBuilder().setUserId1(user).setUserId2(other).build();
    try {
      return stub.withDeadlineAfter(10, TimeUnit.SECONDS).createConnection(request).getConnection();
    } catch (StatusException error) {
      Refusal refused = Refusal.of(error);
      if (!refused.reason().equals("CONNECTION_ALREADY_EXISTS")) throw error;
      GetConnectionRequest existing = GetConnectionRequest.newBuilder().setId(refused.metadata().get("id")).build();
      return stub.withDeadlineAfter(10, TimeUnit.SECONDS).getConnection(existing).getConnection();
    }
  }

  /** Learns everything that is wrong with a request at once. */
  Refusal connectWrongly() throws InvalidProtocolBufferException {
    CreateConnectionRequest request = CreateConnectionRequest.newBuilder().setUserId1("two words").build();
    try {
      stub.withDeadlineAfter(10, TimeUnit.SECONDS).createConnection(request);
    } catch (StatusException error) {
      return Refusal.of(error);
    }
    throw new AssertionError("a request that breaks the rules was taken");
  }

  /** Reads all connections of a user, two at a time. */
  List<ListConnectionsResponse> listInPages(String user) throws StatusException {
    List<ListConnectionsResponse> pages = new ArrayList<>();
    ListConnectionsRequest.Builder request = ListConnectionsRequest.newBuilder().setUserId(user).setPageSize(2);
    do {
      ListConnectionsResponse page = stub.withDeadlineAfter(10, TimeUnit.SECONDS).listConnections(request.build());
      pages.add(page);
      request.setPageToken(page.getNextPageToken());
    } while (!request.getPageToken().isEmpty());
    return pages;
  }

  /** Tells of the first `count` changes after a revision. The revision of the last one is where to go on. */
  List<WatchConnectionsResponse> watch(String user, long after, int count, long milliseconds)
      throws StatusException, InterruptedException {
    WatchConnectionsRequest request =
        WatchConnectionsRequest.newBuilder().setUserId(user).setAfterRevision(after).build();
    BlockingClientCall<?, WatchConnectionsResponse> stream =
        stub.withDeadlineAfter(milliseconds, TimeUnit.MILLISECONDS).watchConnections(request);
    List<WatchConnectionsResponse> changes = new ArrayList<>();
    while (changes.size() < count) {
      WatchConnectionsResponse change = stream.read();
      if (change.getChange() != ConnectionChange.CONNECTION_CHANGE_BOOKMARK) changes.add(change);
    }
    stream.cancel("seen enough", null); // ends it on the server too
    return changes;
  }

  /** Waits half a second for a change, in a time when there is none. */
  Refusal watchInVain(String user, long after) throws InterruptedException, InvalidProtocolBufferException {
    try {
      watch(user, after, 1, 500);
    } catch (StatusException error) {
      return Refusal.of(error);
    }
    throw new AssertionError("there was a change");
  }
}
