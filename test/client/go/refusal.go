package main

import (
	"maps"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// refusal is why a call failed, in the parts that a program decides by.
type refusal struct {
	// Code is the status code, such as ALREADY_EXISTS.
	Code string `json:"code"`
	// Reason is a name of the enum ErrorReason, without its prefix.
	Reason string `json:"reason"`
	// Metadata is what belongs to the reason, such as the id of what was in the way.
	Metadata map[string]string `json:"metadata"`
	// Violations has what is wrong with the request, by the field's path.
	Violations map[string]string `json:"violations"`
	// RequestID finds the call in the server's log.
	RequestID string `json:"request_id"`
}

func refusalOf(err error) refusal {
	why := status.Convert(err)
	found := refusal{
		Code:       code.Code(why.Code()).String(),
		Metadata:   map[string]string{},
		Violations: map[string]string{},
	}
	for _, detail := range why.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.Reason = detail.Reason
			maps.Copy(found.Metadata, detail.Metadata)
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				found.Violations[violation.Field] = violation.Description
			}
		case *errdetails.RequestInfo:
			found.RequestID = detail.RequestId
		}
	}
	return found
}
