// Creates, reads, updates and lists profiles with the client that openapi-generator has made.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"example/client"
)

type input struct {
	BaseURL string
	Token   string
	Calls   []struct {
		Create client.CreateConnectionProfileRequest
		Update client.UpdateConnectionProfileBody
	}
}

type outcome struct {
	Created *client.ConnectionProfile `json:"created"`
	Read    *client.ConnectionProfile `json:"read"`
	Updated *client.ConnectionProfile `json:"updated"`
}

func main() {
	var in input
	check(json.NewDecoder(os.Stdin).Decode(&in))
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: in.BaseURL}}
	profiles := client.NewAPIClient(configuration).ConnectionProfileServiceAPI
	ctx := context.WithValue(context.Background(), client.ContextAccessToken, in.Token)

	outcomes := []outcome{}
	for _, call := range in.Calls {
		created, _, err := profiles.CreateConnectionProfile(ctx).CreateConnectionProfileRequest(call.Create).Execute()
		check(err)
		id := idOf(created)
		read, _, err := profiles.GetConnectionProfile(ctx, id).Execute()
		check(err)
		updated, _, err := profiles.UpdateConnectionProfile(ctx, id).UpdateConnectionProfileBody(call.Update).Execute()
		check(err)
		outcomes = append(outcomes, outcome{created, read, updated})
	}
	listed, _, err := profiles.ListConnectionProfiles(ctx).PageSize(100).Execute()
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"outcomes": outcomes, "listed": listed.Data}))
}

func idOf(profile *client.ConnectionProfile) string {
	return profile.GetActualInstance().(interface{ GetId() string }).GetId()
}

func check(err error) {
	if problem, ok := err.(*client.GenericOpenAPIError); ok {
		log.Fatalf("%v: %s", err, problem.Body())
	}
	if err != nil {
		log.Fatal(err)
	}
}
