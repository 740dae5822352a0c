package integration

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// archiveOf archives the events in a folder, and returns its URL and the end of its chain.
func archiveOf(t *testing.T, folder string, events ...v1alpha1.BillingEvent) (string, archive.Head) {
	t.Helper()
	location := "file://" + filepath.ToSlash(folder)
	if !filepath.IsAbs(folder) {
		location = "file://./" + folder
	}
	a, err := archive.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	head, err := a.Append(t.Context(), archive.Head{}, events)
	if err != nil {
		t.Fatal(err)
	}
	return location, head
}

// Events that have left the cluster are listed, and come back: the operator folds them again, and every status stays as it was.
func TestArchivedEventsComeBack(t *testing.T) {
	t.Parallel()
	o := start(t)
	worlds := []*World{wholeLife(New, time.Hour), NewWorld(time.Now().Add(-time.Hour), New, 2)}
	worlds[1].Name = "R"
	worlds[1].Do(SignUp)
	want := map[string]any{}
	for _, world := range worlds {
		o.send(world.Events()...)
	}
	o.settled()
	for _, world := range worlds {
		maps.Copy(want, o.finalStatuses(world))
	}
	events := o.events()
	location, head := archiveOf(t, t.TempDir(), events...)
	if err := cluster.Client.DeleteAllOf(t.Context(), &v1alpha1.BillingEvent{}, client.InNamespace(o.namespace)); err != nil {
		t.Fatal(err)
	}

	p := newPlugin(t, "-n", o.namespace)
	p.environment = func(name string) string { return map[string]string{"TOLLKEEPER_ARCHIVE_URL": location}[name] }
	archived := 0
	for _, world := range worlds {
		for _, object := range world.Objects("customer") {
			archived += strings.Count(p.run("timeline", object.ID(), "--archived"), "(archived)")
			if strings.Contains(p.run("timeline", object.ID()), "(archived)") {
				t.Errorf("the timeline of %s has archived events without --archived", object.ID())
			}
		}
	}
	if archived != countOfCustomers(events) {
		t.Errorf("the timelines list %d archived events, want %d", archived, countOfCustomers(events))
	}

	for _, want := range []string{"alreadyThere: 0\ncreated: %d\n", "alreadyThere: %d\ncreated: 0\n"} {
		out := p.run("archive", "restore", "--since=2000-01-01", "--apply", "-o", "yaml")
		if diff := cmp.Diff(fmt.Sprintf(want, len(events)), out); diff != "" {
			t.Errorf("restored (-want +got):\n%s", diff)
		}
	}
	o.settled()
	got := map[string]any{}
	for _, world := range worlds {
		maps.Copy(got, o.finalStatuses(world))
	}
	if diff := cmp.Diff(want, got, ignoreProcessing); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if again := o.events(); len(again) != len(events) {
		t.Errorf("%d events came back of %d", len(again), len(events))
	}

	// The end of the chain is compared with the cluster's.
	noted := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: "tollkeeper-archive"},
		Data:       map[string]string{"batch": "1", "sha256": head.SHA256},
	}
	if err := cluster.Client.Create(t.Context(), noted); err != nil {
		t.Fatal(err)
	}
	p.run("archive", "verify")
	noted.Data["batch"] = "2"
	if err := cluster.Client.Update(t.Context(), noted); err != nil {
		t.Fatal(err)
	}
	out, _, err := p.try("archive", "verify")
	if err == nil {
		t.Error("the missing end is not found")
	}
	shows(t, out, "the cluster has noted batch 2, and the archive ends with batch 1")
}

// countOfCustomers counts the events that belong to a customer: a timeline lists no others.
func countOfCustomers(events []v1alpha1.BillingEvent) (n int) {
	for i := range events {
		if events[i].CustomerID() != "" {
			n++
		}
	}
	return n
}
