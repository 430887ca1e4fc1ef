package example;

import connectory.v1.ConnectionProfileOuterClass.ConnectionProfile;
import connectory.v1.ConnectionProfileServiceGrpc.ConnectionProfileServiceBlockingV2Stub;
import connectory.v1.ConnectionProfileServiceOuterClass.CreateConnectionProfileRequest;
import connectory.v1.ConnectionProfileServiceOuterClass.StreamConnectionProfileTestRequest;
import connectory.v1.ConnectionProfileServiceOuterClass.StreamConnectionProfileTestResponse;
import connectory.v1.ConnectionProfileServiceOuterClass.TestConnectionProfileRequest;
import connectory.v1.ConnectionProfileServiceOuterClass.TestConnectionProfileResponse;
import connectory.v1.ConnectorOuterClass.ConnectorConfig;
import connectory.v1.KafkaConfigOuterClass.KafkaConfig;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Calls of ConnectionProfileService. */
final class Profiles {
  private final ConnectionProfileServiceBlockingV2Stub stub;

  Profiles(ConnectionProfileServiceBlockingV2Stub stub) {
    this.stub = stub;
  }

  /** A configuration of the connector `kafka`; each connector has a message and a member of its own. */
  private static ConnectorConfig kafka(String servers) {
    return ConnectorConfig.newBuilder().setKafka(KafkaConfig.newBuilder().setBootstrapServers(servers)).build();
  }

  ConnectionProfile create(String name, String servers) throws StatusException {
    CreateConnectionProfileRequest request =
        CreateConnectionProfileRequest.newBuilder().setName(name).setConfig(kafka(servers)).build();
    return stub.withDeadlineAfter(10, TimeUnit.SECONDS).createConnectionProfile(request).getConnectionProfile();
  }

  /**
   * Gets an answer, not an error, when the system cannot be used: the report says why. So it does when the system never
   * answers: the server ends the test a little before the caller's deadline.
   */
  TestConnectionProfileResponse test(String servers, long seconds) throws StatusException {
    TestConnectionProfileRequest request = TestConnectionProfileRequest.newBuilder().setConfig(kafka(servers)).build();
    return stub.withDeadlineAfter(seconds, TimeUnit.SECONDS).testConnectionProfile(request);
  }

  /** Gets the steps of a test as they happen; the last message has the whole report. */
  List<StreamConnectionProfileTestResponse> steps(String servers) throws StatusException, InterruptedException {
    StreamConnectionProfileTestRequest request =
        StreamConnectionProfileTestRequest.newBuilder().setConfig(kafka(servers)).build();
    BlockingClientCall<?, StreamConnectionProfileTestResponse> stream =
        stub.withDeadlineAfter(10, TimeUnit.SECONDS).streamConnectionProfileTest(request);
    List<StreamConnectionProfileTestResponse> steps = new ArrayList<>();
    for (StreamConnectionProfileTestResponse step = stream.read(); step != null; step = stream.read()) steps.add(step);
    return steps;
  }
}
