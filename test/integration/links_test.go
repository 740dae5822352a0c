package integration

import (
	"testing"

	"k8s.io/client-go/rest"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
)

// links is the cluster as an application reaches it that consumes links.
func links(t *testing.T, access *rest.Config) passwordreset.Cluster {
	t.Helper()
	client, err := rest.HTTPClientFor(access)
	if err != nil {
		t.Fatal(err)
	}
	return passwordreset.NewCluster(client, access.Host)
}
