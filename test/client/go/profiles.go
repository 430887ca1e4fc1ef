package main

import (
	"context"
	"errors"
	"io"
	"time"

	connectory "example.com/connectory-client/gen/connectory/v1"
)

type (
	profiles   = connectory.ConnectionProfileServiceClient
	testAnswer = connectory.TestConnectionProfileResponse
	testStep   = connectory.StreamConnectionProfileTestResponse
)

// kafka is a configuration of the connector `kafka`; each connector has a message and a member of its own.
func kafka(servers string) *connectory.ConnectorConfig {
	config := &connectory.KafkaConfig{BootstrapServers: servers}
	return &connectory.ConnectorConfig{Connector: &connectory.ConnectorConfig_Kafka{Kafka: config}}
}

func createProfile(ctx context.Context, client profiles, name, servers string) (*connectory.ConnectionProfile, error) {
	request := &connectory.CreateConnectionProfileRequest{Name: name, Config: kafka(servers)}
	answer, err := client.CreateConnectionProfile(ctx, request)
	return answer.GetConnectionProfile(), err
}

// testConfig gets an answer, not an error, when the system cannot be used: the report says why.
func testConfig(ctx context.Context, client profiles, servers string) (*testAnswer, error) {
	return client.TestConnectionProfile(ctx, &connectory.TestConnectionProfileRequest{Config: kafka(servers)})
}

// streamTest gets the steps of a test as they happen; the last message has the whole report.
func streamTest(ctx context.Context, client profiles, servers string) ([]*testStep, error) {
	request := &connectory.StreamConnectionProfileTestRequest{Config: kafka(servers)}
	stream, err := client.StreamConnectionProfileTest(ctx, request)
	if err != nil {
		return nil, err
	}
	var steps []*testStep
	for {
		step, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return steps, nil
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
}

// testWithDeadline still gets an answer: the server ends the test a little before the caller's deadline.
func testWithDeadline(ctx context.Context, client profiles, servers string) (*testAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return testConfig(ctx, client, servers)
}
