// A client of Connectory in Go: makes each kind of call once and prints what came of it as one JSON object.
//
//	client USER CLOSED_ADDRESS SILENT_ADDRESS
//
// Nobody listens at CLOSED_ADDRESS; whoever listens at SILENT_ADDRESS never answers.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	connectory "example.com/connectory-client/gen/connectory/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: client USER CLOSED_ADDRESS SILENT_ADDRESS")
	}
	user, closed, silent := os.Args[1], os.Args[2], os.Args[3]
	channel := must(dial())
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connections := connectory.NewConnectionServiceClient(channel)
	profiles := connectory.NewConnectionProfileServiceClient(channel)

	connected := must(connect(traced(ctx, "connect-"+user), connections, user, user+"-1"))
	again := must(connect(ctx, connections, user, user+"-1"))
	invalid := must(connectWrongly(traced(ctx, "invalid-"+user), connections))
	profile := must(createProfile(ctx, profiles, user, closed))
	for _, suffix := range []string{"2", "3", "4", "5"} {
		must(connect(ctx, connections, user, user+"-"+suffix))
	}
	// Broken off after two changes, and resumed.
	watched := must(watch(ctx, connections, user, profile.Revision, 2))
	resumed := must(watch(ctx, connections, user, watched[1].Revision, 2))

	results := map[string]any{
		"connected": message{connected},
		"again":     message{again},
		"invalid":   invalid,
		"profile":   message{profile},
		"pages":     messages(must(listInPages(ctx, connections, user))),
		"watched":   messages(append(watched, resumed...)),
		"quiet":     must(watchInVain(ctx, connections, user, resumed[1].Revision)),
		"test":      message{must(testConfig(ctx, profiles, closed))},
		"steps":     messages(must(streamTest(ctx, profiles, closed))),
		"late":      message{must(testWithDeadline(ctx, profiles, silent))},
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// message prints as protobuf's JSON, which has the names of the contract and RFC 3339 times.
type message struct{ proto.Message }

func (m message) MarshalJSON() ([]byte, error) { return protojson.Marshal(m.Message) }

func messages[T proto.Message](all []T) []message {
	printable := []message{}
	for _, each := range all {
		printable = append(printable, message{each})
	}
	return printable
}
