package main

import (
	"context"
	"errors"
	"time"

	connectory "example.com/connectory-client/gen/connectory/v1"
	"google.golang.org/grpc/metadata"
)

type (
	connections = connectory.ConnectionServiceClient
	page        = connectory.ListConnectionsResponse
	change      = connectory.WatchConnectionsResponse
)

// connect answers with the pair's connection, whether it is new or was there before.
func connect(ctx context.Context, client connections, user, other string) (*connectory.Connection, error) {
	created, err := client.CreateConnection(ctx, &connectory.CreateConnectionRequest{UserId_1: user, UserId_2: other})
	if err == nil {
		return created.Connection, nil
	}
	refused := refusalOf(err)
	if refused.Reason != "CONNECTION_ALREADY_EXISTS" {
		return nil, err
	}
	existing, err := client.GetConnection(ctx, &connectory.GetConnectionRequest{Id: refused.Metadata["id"]})
	return existing.GetConnection(), err
}

// connectWrongly learns everything that is wrong with a request at once.
func connectWrongly(ctx context.Context, client connections) (refusal, error) {
	_, err := client.CreateConnection(ctx, &connectory.CreateConnectionRequest{UserId_1: "two words"})
	if err == nil {
		return refusal{}, errors.New("a request that breaks the rules was taken")
	}
	return refusalOf(err), nil
}

// traced names a call: the server logs the request id, and the event on Kafka has both.
func traced(ctx context.Context, requestID string) context.Context {
	return metadata.AppendToOutgoingContext(ctx,
		"x-request-id", requestID,
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
}

// listInPages reads all connections of a user, two at a time.
func listInPages(ctx context.Context, client connections, user string) ([]*page, error) {
	var pages []*page
	request := &connectory.ListConnectionsRequest{UserId: user, PageSize: 2}
	for {
		page, err := client.ListConnections(ctx, request)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
		if page.NextPageToken == "" {
			return pages, nil
		}
		request.PageToken = page.NextPageToken
	}
}

// watch tells of the first `count` changes after a revision. The revision of the last one is where to go on.
func watch(ctx context.Context, client connections, user string, after int64, count int) ([]*change, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream, on the server too
	stream, err := client.WatchConnections(ctx, &connectory.WatchConnectionsRequest{UserId: user, AfterRevision: &after})
	if err != nil {
		return nil, err
	}
	var changes []*change
	for len(changes) < count {
		change, err := stream.Recv()
		if err != nil {
			return changes, err
		}
		if change.Change != connectory.ConnectionChange_CONNECTION_CHANGE_BOOKMARK {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// watchInVain waits half a second for a change, in a time when there is none.
func watchInVain(ctx context.Context, client connections, user string, after int64) (refusal, error) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	_, err := watch(ctx, client, user, after, 1)
	if err == nil {
		return refusal{}, errors.New("there was a change")
	}
	return refusalOf(err), nil
}
