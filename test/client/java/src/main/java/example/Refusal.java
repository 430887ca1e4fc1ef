package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.Status;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;
import java.util.TreeMap;

/**
 * Why a call failed, in the parts that a program decides by.
 *
 * @param code the status code, such as ALREADY_EXISTS
 * @param reason a name of the enum ErrorReason, without its prefix
 * @param metadata what belongs to the reason, such as the id of what was in the way
 * @param violations what is wrong with the request, by the field's path
 * @param requestId finds the call in the server's log
 */
record Refusal(
    String code, String reason, Map<String, String> metadata, Map<String, String> violations, String requestId) {

  static Refusal of(StatusException error) throws InvalidProtocolBufferException {
    Status status = StatusProto.fromThrowable(error);
    ErrorInfo info = ErrorInfo.getDefaultInstance();
    Map<String, String> violations = new TreeMap<>();
    String requestId = "";
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) info = detail.unpack(ErrorInfo.class);
      if (detail.is(RequestInfo.class)) requestId = detail.unpack(RequestInfo.class).getRequestId();
      if (detail.is(BadRequest.class))
        for (BadRequest.FieldViolation each : detail.unpack(BadRequest.class).getFieldViolationsList())
          violations.put(each.getField(), each.getDescription());
    }
    String code = Code.forNumber(status.getCode()).name();
    return new Refusal(code, info.getReason(), info.getMetadataMap(), violations, requestId);
  }
}
