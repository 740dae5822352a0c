package integration

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// postsOnly leaves the endpoint as the only source of events: nothing is backfilled, and no doubt is read within the test.
func postsOnly(c *config.Config) {
	c.BackfillInterval, c.ResyncInterval, c.RefetchDelay = 0, 0, time.Hour
}

// isComparison reports whether the request reads an object, and no event and no product: some doubts are read at once, such as the
// end of a trial, and a life that arrives backwards raises them.
func isComparison(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1/") && !strings.HasPrefix(r.URL.Path, "/v1/events") && !strings.HasPrefix(r.URL.Path, "/v1/products")
}

// processing are the times at which the operator did something: products are read, whatever the events.
var processing = cmp.Options{
	ignoreProcessing,
	cmpopts.IgnoreMapEntries(func(part string, _ v1alpha1.Position) bool { return strings.HasPrefix(part, "product/") }),
	cmpopts.IgnoreFields(v1alpha1.CustomerStatus{}, "Products"),
}

// A life that thin events alone report ends in the same statuses as one that snapshot events report, and so does one that both
// report, in any order.
func TestThinEventsLeadToTheSameStatuses(t *testing.T) {
	t.Parallel()
	for _, shape := range []Shape{Old, New} {
		world := wholeLife(shape, time.Hour)
		var snapshots, thin []json.RawMessage
		for _, e := range world.Events() {
			snapshots, thin = append(snapshots, e.JSON()), append(thin, e.ThinJSON())
		}
		api, withStripe := stripe(t, world)
		api.Fail(math.MaxInt, ServerError, isComparison)
		byWay := func(t *testing.T, bodies []json.RawMessage) map[string]any {
			t.Helper()
			o := start(t, withStripe, postsOnly)
			o.postRaw(bodies...)
			o.settled()
			for _, e := range o.events() {
				if e.Status.Outcome == v1alpha1.OutcomeFailed {
					t.Errorf("%s %s failed: %s", e.Spec.Type, e.Spec.EventID, e.Status.Message)
				}
			}
			return o.finalStatuses(world)
		}
		want := byWay(t, snapshots)
		backwards := slices.Clone(thin)
		slices.Reverse(backwards)
		mixed := slices.Concat(snapshots, thin)
		random := rand.New(rand.NewPCG(1, 1))
		random.Shuffle(len(mixed), func(i, k int) { mixed[i], mixed[k] = mixed[k], mixed[i] })
		halves := slices.Clone(thin)
		for i := 0; i < len(halves); i += 2 {
			halves[i] = snapshots[i]
		}
		ways := map[string][]json.RawMessage{
			"thin": thin, "thin, backwards": backwards, "both, in a random order": mixed, "one half thin": halves,
		}
		if shape == Old {
			ways = map[string][]json.RawMessage{"thin": thin}
		}
		for name, bodies := range ways {
			t.Run(name+" "+string(shape), func(t *testing.T) {
				t.Parallel() // each operator spaces out its requests to Stripe, and waits most of the time
				if diff := cmp.Diff(want, byWay(t, bodies), processing); diff != "" {
					t.Errorf("statuses (-snapshots +%s):\n%s", name, diff)
				}
			})
		}
	}
}

// Stripe may have no snapshot event of a thin one. Then the object is read as it is, and the life ends in the same states.
func TestThinEventsWithoutSnapshotEvents(t *testing.T) {
	t.Parallel()
	world := wholeLife(New, time.Hour)
	api, withStripe := stripe(t, world)
	bySnapshots := start(t, withStripe, postsOnly)
	bySnapshots.send(world.Events()...)
	bySnapshots.settled()
	api.NoSnapshots = true
	o := start(t, withStripe, postsOnly)
	for _, e := range world.Events() {
		o.postRaw(e.ThinJSON())
	}
	o.settled()
	type state struct {
		Entitled     string
		Subscription v1alpha1.SubscriptionState
		PaidThrough  *metav1.Time
		Email        string
	}
	states := func(o *operator) map[string]state {
		found := map[string]state{}
		for id, status := range o.finalStatuses(world) {
			switch s := status.(type) {
			case v1alpha1.CustomerStatus:
				found[id] = state{Entitled: condition(s.Conditions, v1alpha1.ConditionEntitled), Email: s.Email}
			case v1alpha1.SubscriptionStatus:
				found[id] = state{Subscription: s.SubscriptionState, PaidThrough: s.PaidThrough}
			}
		}
		return found
	}
	if diff := cmp.Diff(states(bySnapshots), states(o)); diff != "" {
		t.Errorf("states (-snapshot events +objects):\n%s", diff)
	}
	first := world.Events()[0]
	read := o.event(first.ThinID() + "_read")
	if read.Spec.NotifiedBy != first.ThinID() || read.Spec.Type != first.Type {
		t.Errorf("the object of %s is recorded as %+v", first.ThinID(), read.Spec)
	}
	objects := 0
	for _, r := range api.Requests("/v1/") {
		if isComparison(&http.Request{URL: &url.URL{Path: r.Path}}) {
			objects++
		}
	}
	if objects == 0 || objects >= len(world.Events()) {
		t.Errorf("%d events led to %d readings of objects, want fewer: several are about one object", len(world.Events()), objects)
	}
}

// Without a key thin events are acknowledged and wait, and say for what. With one they are read.
func TestThinEventsWaitForAKey(t *testing.T) {
	t.Parallel()
	world := wholeLife(New, time.Hour)
	address := freeAddress(t)
	o := start(t, func(c *config.Config) { c.HealthProbeBindAddress = address })
	for _, e := range world.Events() {
		o.postRaw(e.ThinJSON())
	}
	first := world.Events()[0]
	o.eventually("the event says that the key is missing", func() string {
		e := o.event(first.ThinID())
		if got := condition(e.Status.Conditions, v1alpha1.ConditionProcessed); got != "False StripeKeyMissing" || e.Status.Outcome != "" {
			return fmt.Sprintf("Processed is %q, the outcome %q", got, e.Status.Outcome)
		}
		return probe(t, address, "/readyz?verbose", "[+]thin-events-wait-no-STRIPE_SECRET_KEY ok")
	})
	o.stop()
	_, withStripe := stripe(t, world)
	o = startIn(t, o.namespace, withStripe, postsOnly)
	o.settled()
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
}

// A thin event does no more than have what Stripe knows recorded: one that Stripe does not know fails, one of an account that is
// not let in is not applied, and Stripe's ping is kept.
func TestThinEventsThatAreNotApplied(t *testing.T) {
	t.Parallel()
	world := wholeLife(New, time.Hour)
	api, withStripe := stripe(t, world)
	o := start(t, withStripe, postsOnly)
	known, own := world.Events()[0], world.Events()[1]
	thin := func(id, rest string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"id": %q, "object": "v2.core.event", "created": %q, "livemode": false, %s}`,
			id, time.Now().UTC().Format(time.RFC3339Nano), rest))
	}
	const subscription = `"type": "v1.customer.subscription.deleted", "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/x"}`
	o.postRaw(
		thin("evt_test_ping", `"type": "v2.core.event_destination.ping", "related_object": {"id": "ed_1", "type": "v2.core.event_destination"}`),
		thin("evt_test_forged", subscription),
		thin("evt_test_other", subscription+`, "context": "acct_platform/acct_Other"`),
		thin(known.ThinID(), subscription), // Stripe's own event is of another type
		thin(own.ThinID(), subscription+`, "context": "acct_Platform"`),
	)
	o.settled()
	for id, want := range map[string]v1alpha1.Outcome{
		"evt_test_ping": v1alpha1.OutcomeRecorded, "evt_test_forged": v1alpha1.OutcomeFailed, known.ThinID(): v1alpha1.OutcomeRecorded,
		known.ID: v1alpha1.OutcomeApplied, own.ID: v1alpha1.OutcomeApplied,
	} {
		if e := o.event(id); e.Status.Outcome != want {
			t.Errorf("%s is %q, want %q: %s", id, e.Status.Outcome, want, e.Status.Message)
		}
	}
	if got := o.event(known.ID).Spec.Type; got != known.Type {
		t.Errorf("a forged type made the event a %s, want Stripe's %s", got, known.Type)
	}
	asked := map[string]int{}
	for _, r := range api.Requests("/v2/core/events/") { // and not the check of the endpoint
		asked[strings.TrimPrefix(r.Path, "/v2/core/events/")] = r.Status
	}
	want := map[string]int{
		"evt_test_forged": http.StatusNotFound, "evt_test_other": http.StatusNotFound, known.ThinID(): http.StatusOK, own.ThinID(): http.StatusOK,
	}
	for _, e := range o.events() {
		if e.Spec.EventID == "evt_test_other" && !strings.Contains(e.Status.Message, "acct_Other, which is not let in") {
			t.Errorf("the event of another account ends %q: %s", e.Status.Outcome, e.Status.Message)
		}
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests for thin events (-want +got):\n%s", diff)
	}
}
