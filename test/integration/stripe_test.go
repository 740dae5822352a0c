package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/backfill"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

const stripeKey = "sk_test_integration"

// stripe starts a stand-in for Stripe's API that serves the world. The second result configures an operator to use it, without the
// import: it would leave no doubt to settle, and nothing to repair.
func stripe(t *testing.T, world *World) (*API, func(*config.Config)) {
	t.Helper()
	api := NewAPI(stripeKey, world)
	server := api.Start()
	t.Cleanup(server.Close)
	return api, func(c *config.Config) {
		c.Stripe.SecretKey, c.Stripe.APIBase = stripeKey, server.URL
		c.RefetchDelay, c.Import = 200*time.Millisecond, config.ImportNone
	}
}

// wholeLife returns a world with a sign-up, a trial and all that may follow, with a pause before each operation.
func wholeLife(shape Shape, pause time.Duration) *World {
	world := NewWorld(time.Now().AddDate(0, 0, -20).Truncate(time.Second), shape, 1)
	for _, op := range []Op{
		SignUpWithTrial, AnnounceTrialEnd, EndTrial, ChangeQuantity, ChangePlan, ScheduleCancel, UndoCancel, SubscribeAgain, ChangeEmail,
		RefundPart, FailRenewal, FailAgain, ExpireCard, UpdateCard, SetUpMethod, Recover, RefundAll, OpenDispute, RevertEmail,
		PauseCollecting, ResumeCollecting, Cancel,
	} {
		world.Advance(pause)
		if !world.Do(op) {
			panic(fmt.Sprintf("operation %q does not apply", op))
		}
	}
	return world
}

// finalStatuses returns the statuses of all customers and subscriptions of the world.
func (o *operator) finalStatuses(world *World) map[string]any {
	o.t.Helper()
	statuses := map[string]any{}
	for _, object := range world.Objects("customer") {
		statuses[object.ID()] = o.customer(object.ID()).Status
	}
	for _, object := range world.Objects("subscription") {
		statuses[object.ID()] = o.subscription(object.ID()).Status
	}
	return statuses
}

// inSync waits for status and reason of the condition InSync, such as "True Compared".
func (o *operator) inSync(id, want string) {
	o.t.Helper()
	o.eventually("InSync of "+id, func() string {
		conditions := o.subscription(id).Status.Conditions
		if strings.HasPrefix(id, "cus_") {
			conditions = o.customer(id).Status.Conditions
		}
		if got := condition(conditions, v1alpha1.ConditionInSync); got != want {
			return fmt.Sprintf("is %q, want %q", got, want)
		}
		return ""
	})
}

// All events of a life have the same second and arrive backwards, and there is no Stripe key to resolve doubts.
func TestALifeWithinASecondBackwards(t *testing.T) {
	t.Parallel()
	for _, shape := range []Shape{Old, New} {
		t.Run(string(shape), func(t *testing.T) {
			world := wholeLife(shape, 0)
			forward := start(t)
			forward.send(world.Events()...)
			forward.settled()
			want := forward.finalStatuses(world)
			if got := forward.subscription(world.Objects("subscription")[1].ID()).Status.Status; got != "canceled" {
				t.Fatalf("the second subscription is %q, want canceled", got)
			}

			backward := start(t)
			for _, e := range slices.Backward(world.Events()) {
				backward.send(e)
				if !strings.HasPrefix(e.Type, "charge.dispute.") { // pending until its charge arrives
					backward.settledEvent(e.ID)
				}
			}
			backward.settled()
			if diff := cmp.Diff(want, backward.finalStatuses(world), ignoreProcessing); diff != "" {
				t.Errorf("statuses (-forward +backward):\n%s", diff)
			}
			for id := range want {
				backward.inSync(id, "True EventsAgree")
			}
		})
	}
}

// The endpoint is down for a whole life. The backfill finds all events.
func TestBackfillAloneLeadsToTheSameStatuses(t *testing.T) {
	t.Parallel()
	world := wholeLife(New, time.Hour)
	delivered := start(t)
	delivered.send(world.Events()...)
	delivered.settled()

	api, withStripe := stripe(t, world)
	api.PageSize = 7
	api.Fail(1, RateLimited, path("/v1/events"))
	api.Fail(1, Truncated, path("/v1/events"))
	api.Fail(1, ServerError, path("/v1/events"))
	api.Fail(1, Dropped, path("/v1/events"))
	backfilled := start(t, withStripe, func(c *config.Config) { c.RefetchDelay = time.Hour }) // no reading within the test, but of the product
	backfilled.recordedAll(world)
	backfilled.settled()
	isProduct := func(part string, _ v1alpha1.Position) bool { return strings.HasPrefix(part, "product/") }
	ignoreProducts := cmp.Options{cmpopts.IgnoreFields(v1alpha1.CustomerStatus{}, "Products"), cmpopts.IgnoreMapEntries(isProduct)}
	if diff := cmp.Diff(delivered.finalStatuses(world), backfilled.finalStatuses(world), ignoreProcessing, ignoreProducts); diff != "" {
		t.Errorf("statuses (-delivered +backfilled):\n%s", diff)
	}
	backfilled.checkpoint("platform", newest(world))
	for _, r := range api.Requests("/v1/") {
		if r.Version != stripejson.NewestVersion {
			t.Errorf("%s was requested in version %q, want %s", r.Path, r.Version, stripejson.NewestVersion)
		}
	}
}

func path(path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.URL.Path == path }
}

func newest(world *World) time.Time {
	events := world.Events()
	return events[len(events)-1].Created
}

// recordedAll waits until every event of the world is recorded.
func (o *operator) recordedAll(world *World) {
	o.t.Helper()
	o.eventually("every event is recorded", func() string {
		recorded := map[string]bool{}
		for _, e := range o.events() {
			recorded[e.Spec.EventID] = true
		}
		for _, e := range world.Events() {
			if !recorded[e.ID] {
				return fmt.Sprintf("%s %s is not recorded, %d others are", e.Type, e.ID, len(recorded))
			}
		}
		return ""
	})
}

// checkpoint waits until the checkpoint of an account has the time.
func (o *operator) checkpoint(account string, want time.Time) {
	o.t.Helper()
	o.eventually("the checkpoint of "+account, func() string {
		if got := o.checkpoints()[account]; got != want.UTC().Format(time.RFC3339) {
			return fmt.Sprintf("is %q, want %s", got, want.UTC().Format(time.RFC3339))
		}
		return ""
	})
}

func (o *operator) checkpoints() map[string]string {
	o.t.Helper()
	var stored corev1.ConfigMap
	key := client.ObjectKey{Namespace: o.namespace, Name: backfill.ConfigMapName}
	if err := client.IgnoreNotFound(cluster.Client.Get(o.t.Context(), key, &stored)); err != nil {
		o.t.Fatal(err)
	}
	return stored.Data
}

// An operator that is killed during a backfill leaves no checkpoint. The next one records all events.
func TestBackfillContinuesAfterAKill(t *testing.T) {
	t.Parallel()
	world := wholeLife(Old, time.Hour)
	api, withStripe := stripe(t, world)
	api.PageSize = 10
	third := func(r *http.Request) bool {
		return r.URL.Path == "/v1/events" && r.URL.Query().Get("starting_after") == world.Events()[len(world.Events())-20].ID
	}
	api.Fail(1, Hanging, third)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, namespace: namespace}
	manager := startProcess(t, namespace, withStripe)
	o.eventually("two pages are recorded and the third is requested", func() string {
		if got := len(api.Requests("/v1/events")); got != 3 || len(o.events()) < 20 {
			return fmt.Sprintf("%d requests, %d events", got, len(o.events()))
		}
		return ""
	})
	manager.kill()
	if got := len(o.events()); got != 20 {
		t.Fatalf("%d events are recorded, want the 20 of two pages", got)
	}
	if got := o.checkpoints(); len(got) != 0 {
		t.Fatalf("the checkpoint is %v before everything is recorded", got)
	}
	o = startIn(t, namespace, withStripe)
	o.recordedAll(world)
	o.settled()
	o.checkpoint("platform", newest(world))
}

// Once all events are recorded, a backfill changes nothing, and starts at the checkpoint of the last one.
func TestBackfillComesToRest(t *testing.T) {
	t.Parallel()
	world := wholeLife(New, time.Hour)
	api, withStripe := stripe(t, world)
	often := func(c *config.Config) { c.BackfillInterval = 100 * time.Millisecond }
	o := start(t, withStripe, often)
	o.recordedAll(world)
	o.settled()
	o.checkpoint("platform", newest(world))
	o.eventually("Stripe to be read of what the events leave open", func() string {
		got := condition(o.customer(world.Objects("customer")[0].ID()).Status.Conditions, v1alpha1.ConditionInSync)
		if !strings.HasPrefix(got, "True ") {
			return "InSync is " + got
		}
		return ""
	})
	before := o.everyVersion()
	requested := len(api.Requests("/v1/events"))
	o.eventually("three more backfills", func() string {
		if got := len(api.Requests("/v1/events")); got < requested+3 {
			return fmt.Sprintf("%d so far", got-requested)
		}
		return ""
	})
	if diff := cmp.Diff(before, o.everyVersion()); diff != "" {
		t.Errorf("resourceVersions moved (-before +after):\n%s", diff)
	}
	requests := api.Requests("/v1/events")
	since := newest(world).Add(-10 * time.Minute).Unix()
	if got := requests[len(requests)-1].Query.Get("created[gte]"); got != fmt.Sprint(since) {
		t.Errorf("the last backfill started at %s, want the checkpoint less the overlap: %d", got, since)
	}
}

// everyVersion returns the resourceVersions of all resources and of the checkpoints.
func (o *operator) everyVersion() map[string]string {
	o.t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{
		&v1alpha1.BillingEventList{}, &v1alpha1.CustomerList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.EmailList{}, &corev1.ConfigMapList{},
	} {
		if err := cluster.Client.List(o.t.Context(), list, client.InNamespace(o.namespace)); err != nil {
			o.t.Fatal(err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, item := range items {
			object := item.(client.Object)
			versions[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
		}
	}
	return versions
}

// Two events of the same second contradict each other. The operator reads the object from Stripe once, with retries
// after errors.
func TestATieIsResolvedByStripe(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	world.Amend(sub, func(o Object) { o["status"] = "past_due" })
	api, withStripe := stripe(t, world)
	api.Fail(1, RateLimited, path("/v1/subscriptions/"+sub))
	api.Fail(1, ServerError, path("/v1/subscriptions/"+sub))
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	o.send(world.Events()...)
	o.entitled(customer, "True SubscriptionActive")

	at := world.Now().Add(time.Minute)
	object := Subscription(New, sub, customer, "past_due", world.Now(), world.Now().AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_1", Type: "customer.subscription.updated", Created: at, Shape: New, Object: object},
		Event{ID: "evt_9", Type: "customer.subscription.updated", Created: at, Shape: New, Object: object.With("status", "unpaid")},
	)
	o.inSync(sub, "True Repaired")
	o.settled()
	if got := o.subscription(sub).Status; got.Status != "past_due" || got.LastComparison == nil || len(got.LastComparison.Differed) == 0 {
		t.Errorf("the subscription is %q, compared: %+v; want past_due, as Stripe has it", got.Status, got.LastComparison)
	}
	var answers []int
	for _, r := range api.Requests("/v1/subscriptions/") {
		answers = append(answers, r.Status)
	}
	if diff := cmp.Diff([]int{429, 500, 200}, answers); diff != "" {
		t.Errorf("answers to the requests for the subscription (-want +got):\n%s", diff)
	}
}

// Stripe does not know the object of a doubt, and so cannot resolve it. The operator asks only once.
func TestADoubtThatStripeCannotResolve(t *testing.T) {
	t.Parallel()
	api, withStripe := stripe(t, NewWorld(time.Now(), New, 1))
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	now := time.Now().Add(-time.Hour)
	object := Subscription(New, "sub_A", "cus_A", "past_due", now, now.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_1", Type: "customer.subscription.updated", Created: now, Shape: New, Object: object},
		Event{ID: "evt_9", Type: "customer.subscription.updated", Created: now, Shape: New, Object: object.With("status", "unpaid")},
	)
	o.eventually("Stripe's answer is in the status", func() string {
		if last := o.subscription("sub_A").Status.LastComparison; last == nil || !last.NotFound {
			return fmt.Sprintf("the last comparison is %+v", last)
		}
		return ""
	})
	o.inSync("sub_A", "Unknown EventsTie")
	o.annotate(o.customer("cus_A"), v1alpha1.AnnotationResync, "now") // the resync runs after all waiting requests
	o.eventually("the resync is answered", func() string {
		if last := o.customer("cus_A").Status.LastComparison; last == nil || last.Request != "now" {
			return fmt.Sprintf("the last comparison is %+v", last)
		}
		return ""
	})
	o.inSync("cus_A", "False NotInStripe")
	if complete := o.customer("cus_A").Status.Complete; complete != nil {
		t.Errorf("a customer that Stripe does not know counts as known whole: %+v", complete)
	}
	if got := len(api.Requests("/v1/subscriptions/sub_A")); got != 2 {
		t.Errorf("%d requests for the subscription, want one for the doubt and one for the resync", got)
	}
}

// Without a Stripe key a doubt stays in the condition InSync until a later event resolves it.
func TestATieWithoutAStripeKey(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now().Add(-time.Hour)
	object := Subscription(New, "sub_A", "cus_A", "past_due", now, now.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_1", Type: "customer.subscription.updated", Created: now, Shape: New, Object: object},
		Event{ID: "evt_9", Type: "customer.subscription.updated", Created: now, Shape: New, Object: object.With("status", "unpaid")},
	)
	o.settled()
	o.inSync("sub_A", "Unknown EventsTie")
	o.send(Event{ID: "evt_10", Type: "customer.subscription.updated", Created: now.Add(time.Minute), Shape: New,
		Object: object.With("status", "active"), Previous: Object{"status": "unpaid"}})
	o.inSync("sub_A", "True EventsAgree")
}

// A resync repairs changes that no event reported, including those of ended subscriptions and on all pages.
func TestResyncRepairs(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-48*time.Hour), Old, 1)
	for _, op := range []Op{SignUp, SubscribeAgain, SubscribeAgain, OpenDispute} {
		world.Advance(time.Hour)
		world.Do(op)
	}
	api, withStripe := stripe(t, world)
	api.PageSize = 1
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	o.send(world.Events()...)
	o.settled()
	customer, subs := world.Objects("customer")[0].ID(), world.Objects("subscription")
	dispute := world.Objects("dispute")[0].ID()
	before := o.everyVersion()

	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "first")
	o.inSync(customer, "True Compared")
	after := o.everyVersion()
	for name := range before {
		if !strings.Contains(name, "Customer") && before[name] != after[name] {
			t.Errorf("a resync without differences has written %s", name)
		}
	}

	world.Amend(customer, func(c Object) { c["email"] = "new@example.com" })
	world.Amend(subs[0].ID(), func(s Object) { s["status"], s["ended_at"] = "canceled", world.Now().Unix() })
	world.Amend(subs[1].ID(), func(s Object) { s["cancel_at_period_end"] = true })
	world.Amend(dispute, func(d Object) { d["status"] = "won" })
	world.Forget(subs[2].ID())
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "second")
	o.inSync(customer, "True Repaired")
	o.inSync(subs[0].ID(), "True Repaired")
	o.inSync(subs[1].ID(), "True Repaired")
	o.inSync(subs[2].ID(), "False NotInStripe")
	got := o.customer(customer).Status
	want := []string{
		"email", subs[0].ID() + ".endedAt", subs[0].ID() + ".status", subs[1].ID() + ".cancelAtPeriodEnd", "status",
		subs[2].ID() + ".endedAt", subs[2].ID() + ".status",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got.LastComparison.Differed); diff != "" || got.LastComparison.Request != "second" {
		t.Errorf("request %q; what differed (-want +got):\n%s", got.LastComparison.Request, diff)
	}
	if got.Email != "new@example.com" || len(got.OpenDisputes) != 0 {
		t.Errorf("the customer shows %q and %d disputes; the one is won", got.Email, len(got.OpenDisputes))
	}
	if got := o.subscription(subs[0].ID()).Status.Status; got != "canceled" {
		t.Errorf("the subscription that ended is %q", got)
	}
}

// annotate sets an annotation on an object.
func (o *operator) annotate(object client.Object, annotation, value string) {
	o.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotation, value)
	if err := cluster.Client.Patch(o.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		o.t.Fatal(err)
	}
}

// A resync of one subscription compares no other object. What its product grants was read before.
func TestResyncOfASubscription(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-48*time.Hour), New, 1)
	world.Do(SignUp)
	world.Do(SubscribeAgain)
	api, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	o.send(world.Events()...)
	o.settled()
	id := world.Objects("subscription")[1].ID()
	world.Amend(id, func(s Object) { s["status"] = "unpaid" })
	o.annotate(o.subscription(id), v1alpha1.AnnotationResync, "now")
	o.inSync(id, "True Repaired")
	if got := o.subscription(id).Status.Status; got != "unpaid" {
		t.Errorf("the subscription is %q, want unpaid", got)
	}
	for _, r := range objectRequests(api) {
		if r.Path != "/v1/subscriptions/"+id && r.Path != "/v1/products/"+Product {
			t.Errorf("%s was requested as well", r.Path)
		}
	}
}

// The periodic sweep repairs differences without a request.
func TestTheSweepRepairs(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-48*time.Hour), New, 1)
	world.Do(SignUp)
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval, c.ResyncInterval = 0, 2*time.Second })
	o.send(world.Events()...)
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	o.entitled(customer, "True SubscriptionActive")
	world.Amend(sub, func(s Object) { s["status"], s["ended_at"] = "canceled", world.Now().Unix() })
	o.entitled(customer, "False SubscriptionEnded")
	o.inSync(sub, "True Repaired")
}

// No event reports the charge of a dispute. The operator asks Stripe for its customer.
func TestStripeIsAskedForTheCustomerOfADispute(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	world.Do(OpenDispute)
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	customer := world.Objects("customer")[0].ID()
	for _, e := range world.Events() {
		if e.Type == "charge.dispute.created" || e.Type == "customer.created" {
			o.send(e)
		}
	}
	now := time.Now()
	guest := Charge(New, "ch_guest", "", "", "succeeded", now).With("customer", nil)
	world.Put(guest)
	o.send(Event{ID: "evt_guest", Type: "charge.dispute.created", Created: now, Shape: New,
		Object: Dispute("dp_guest", "ch_guest", "", now, now.AddDate(0, 0, 9))})
	o.settled()
	if got := o.customer(customer).Status.OpenDisputes; len(got) != 1 {
		t.Errorf("%d open disputes, want 1", len(got))
	}
	want := "Stripe has no customer for charge ch_guest: a guest paid it."
	if got := o.event("evt_guest").Status; got.Outcome != v1alpha1.OutcomeRecorded || got.Message != want {
		t.Errorf("the dispute of a guest's charge is %q: %s", got.Outcome, got.Message)
	}
}

// Events of the other mode are recorded but never applied.
func TestTheOtherModeIsNotApplied(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.Livemode = new(true) })
	now := time.Now()
	active := Subscription(New, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_test", Type: "customer.subscription.created", Created: now.Add(time.Minute), Shape: New, Object: active.With("status", "unpaid")},
		Event{ID: "evt_dispute", Type: "charge.dispute.created", Created: now, Shape: New, Object: Dispute("dp_1", "ch_1", "", now, now)},
		Event{ID: "evt_live", Type: "customer.subscription.created", Created: now, Shape: New, Object: active, Livemode: true},
	)
	o.entitled("cus_A", "True SubscriptionActive")
	o.settled()
	want := "This is an event of Stripe's test mode. The operator applies events of live mode (--livemode)."
	for _, id := range []string{"evt_test", "evt_dispute"} {
		if got := o.event(id).Status; got.Outcome != v1alpha1.OutcomeRecorded || got.Message != want {
			t.Errorf("%s is %q: %s", id, got.Outcome, got.Message)
		}
	}
	if got := *o.customer("cus_A").Status.Livemode; !got {
		t.Error("the customer has livemode=false")
	}
}

// The same customer id in two accounts is two customers. Each account is asked about its own objects.
func TestAccountsAreKeptApart(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	own := NewWorld(begin, New, 1)
	own.Do(SignUp)
	connected := NewWorld(begin, New, 2)
	connected.Account = "acct_Other"
	connected.Do(SignUp)
	api, withStripe := stripe(t, own)
	api.Connect(connected)
	everyAccount := func(c *config.Config) { c.Accounts = []string{"*"} }
	o := start(t, withStripe, everyAccount)
	o.recordedAll(own)

	// An event of the connected account with the same ids. It makes the operator aware of the account.
	now := time.Now()
	customer, sub := own.Objects("customer")[0].ID(), own.Objects("subscription")[0].ID()
	unpaid := Subscription(New, sub, customer, "unpaid", now, now.AddDate(0, 1, 0))
	connected.Put(Customer(customer, "other@example.com", "Bob"))
	connected.Put(unpaid)
	o.send(Event{ID: own.Events()[0].ID, Type: "customer.subscription.created", Created: now, Shape: New, Account: "acct_Other", Object: unpaid})
	o.settled()
	o.entitled(customer, "True SubscriptionActive")
	var other v1alpha1.Customer
	key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object("acct_Other", customer)}
	o.eventually("the decision about the other account's customer", func() string {
		if err := client.IgnoreNotFound(cluster.Client.Get(t.Context(), key, &other)); err != nil {
			t.Fatal(err)
		}
		if got := condition(other.Status.Conditions, v1alpha1.ConditionEntitled); got != "False PaymentFailed" {
			return fmt.Sprintf("is %q, want False PaymentFailed", got)
		}
		return ""
	})
	o.stop()
	o = startIn(t, o.namespace, withStripe, everyAccount) // the backfill runs at the start
	o.checkpoint("acct_Other", newest(connected))
	for _, e := range connected.Events() {
		var recorded v1alpha1.BillingEvent
		key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object("acct_Other", e.ID)}
		if err := cluster.Client.Get(t.Context(), key, &recorded); err != nil || recorded.Spec.Account != "acct_Other" {
			t.Errorf("%s of the connected account: account %q, %v", e.ID, recorded.Spec.Account, err)
		}
	}
}
