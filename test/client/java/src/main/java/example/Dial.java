package example;

import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;

/** How to reach the service. */
final class Dial {
  private Dial() {}

  /** Puts the token of CONNECTORY_TOKEN on every call of a connection to CONNECTORY_ADDRESS. */
  static ManagedChannel dial() throws IOException {
    String token = System.getenv("CONNECTORY_TOKEN");
    return Grpc.newChannelBuilder(System.getenv("CONNECTORY_ADDRESS"), credentials())
        .intercept(header("authorization", "Bearer " + token))
        .build();
  }

  /** With CONNECTORY_CA: TLS that trusts that authority alone; with CONNECTORY_CERT and CONNECTORY_KEY: a certificate too. */
  private static ChannelCredentials credentials() throws IOException {
    String authority = System.getenv("CONNECTORY_CA");
    if (authority == null) return InsecureChannelCredentials.create();
    TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder().trustManager(new File(authority));
    String certificate = System.getenv("CONNECTORY_CERT");
    if (certificate != null) tls.keyManager(new File(certificate), new File(System.getenv("CONNECTORY_KEY")));
    return tls.build();
  }

  /** For a stub's `withInterceptors`: a header on each of its calls. */
  static ClientInterceptor header(String name, String value) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
    return MetadataUtils.newAttachHeadersInterceptor(metadata);
  }
}
