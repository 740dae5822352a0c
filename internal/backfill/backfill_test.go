package backfill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// cluster is what a backfill reads and writes: a ConfigMap, the recorded events, and the accounts of the customers.
type cluster struct {
	client.Reader // unimplemented methods panic
	client.Writer

	mutex       *sync.Mutex
	checkpoints *corev1.ConfigMap
	writes      int
	recorded    map[string]bool
	refuse      map[string]error // the error of an event that cannot be recorded, by id
	accounts    []string
}

func (c *cluster) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if c.checkpoints == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	c.checkpoints.DeepCopyInto(o.(*corev1.ConfigMap))
	return nil
}

func (c *cluster) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	return c.write(o)
}

func (c *cluster) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	return c.write(o)
}

func (c *cluster) write(o client.Object) error {
	c.writes++
	c.checkpoints = o.(*corev1.ConfigMap).DeepCopy()
	c.checkpoints.ResourceVersion = fmt.Sprint(c.writes)
	return nil
}

func (c *cluster) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	for _, account := range c.accounts {
		customers := list.(*v1alpha1.CustomerList)
		customers.Items = append(customers.Items, v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{Account: account}})
	}
	return nil
}

func (c *cluster) Known(_ context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.recorded[e.Account+"/"+e.EventID], nil
}

func (c *cluster) Record(_ context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err := c.refuse[e.EventID]; err != nil {
		return false, err
	}
	c.recorded[e.Account+"/"+e.EventID] = true
	return true, nil
}

// stripe lists pages of events, the newest first, and fails at the given pages.
type stripe struct {
	events map[string][]stripetest.Event // by account, the newest first
	fails  map[int]error                 // by the number of the page, from 1
	refuse map[string]error              // by account: fails at the first page
	raw    string                        // listed before everything else
	asked  []string                      // "<account> since <time>"

	looking func() bool
}

const perPage = 2

func (s *stripe) Events(_ context.Context, account string, since time.Time) iter.Seq2[stripeapi.Page, error] {
	if s.looking != nil && !s.looking() {
		panic("Looking is false during a run")
	}
	s.asked = append(s.asked, fmt.Sprintf("%s since %s", account, since.UTC().Format(time.RFC3339)))
	return func(yield func(stripeapi.Page, error) bool) {
		if err := s.refuse[account]; err != nil {
			yield(stripeapi.Page{}, err)
			return
		}
		var items []json.RawMessage
		if s.raw != "" {
			items = append(items, json.RawMessage(s.raw))
		}
		for _, e := range s.events[account] {
			if !e.Created.Before(since) {
				items = append(items, e.JSON())
			}
		}
		n := 0
		for page := range slices.Chunk(items, perPage) {
			n++
			if err := s.fails[n]; err != nil {
				yield(stripeapi.Page{}, err)
				return
			}
			if !yield(stripeapi.Page{Items: page}, nil) {
				return
			}
		}
	}
}

// event of a customer, created that long before noon.
func event(id string, before time.Duration) stripetest.Event {
	return stripetest.Event{
		ID: id, Type: "customer.updated", Created: noon.Add(-before), Shape: stripetest.New,
		Object: stripetest.Customer("cus_A", "ada@example.com", "Ada"),
	}
}

// five events on three pages, the newest first.
func five() []stripetest.Event {
	return []stripetest.Event{
		event("evt_5", time.Hour), event("evt_4", 2*time.Hour), event("evt_3", 3*time.Hour), event("evt_2", 4*time.Hour), event("evt_1", 5*time.Hour),
	}
}

func newBackfill(s *stripe, c *cluster) *Backfill {
	c.mutex = &sync.Mutex{}
	if c.recorded == nil {
		c.recorded = map[string]bool{}
	}
	b := &Backfill{
		Source: s, Recorder: c, Customers: c, Namespace: "ns", Accounts: stripeaccount.Selection{stripeaccount.All}, Interval: time.Minute, Window: 24 * time.Hour,
		Decoder:     events.Decoder{},
		Checkpoints: Checkpoints{Reader: c, Writer: c, Namespace: "ns", Log: logr.Discard()},
		Clock:       testingclock.NewFakeClock(noon), Log: logr.Discard(),
	}
	s.looking = b.Looking
	return b
}

func checkpointed(values map[string]string) *corev1.ConfigMap {
	stored := &corev1.ConfigMap{Data: values}
	stored.ResourceVersion = "0"
	return stored
}

func TestOneRun(t *testing.T) {
	product := event("evt_product", 30*time.Minute)
	product.Type = "product.created"
	broken := event("evt_broken", time.Hour)
	broken.Object = broken.Object.With("email", 7)
	for name, tc := range map[string]struct {
		stripe       stripe
		cluster      cluster
		wantAsked    []string
		wantRecorded []string
		wantKept     map[string]string
		wantWrites   int
		wantError    bool
	}{
		"the first run goes back the whole window": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": append(five(), event("evt_old", 25*time.Hour))}},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_1", "/evt_2", "/evt_3", "/evt_4", "/evt_5"},
			wantKept:     map[string]string{"platform": "2026-03-01T11:00:00Z"}, wantWrites: 1,
		},
		"the next run begins a little before the newest event of the last one": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": five()}},
			cluster:      cluster{checkpoints: checkpointed(map[string]string{"platform": "2026-03-01T10:00:00Z"})},
			wantAsked:    []string{" since 2026-03-01T09:50:00Z"},
			wantRecorded: []string{"/evt_4", "/evt_5"},
			wantKept:     map[string]string{"platform": "2026-03-01T11:00:00Z"}, wantWrites: 1,
		},
		"a run goes back no further than the window": {
			cluster:   cluster{checkpoints: checkpointed(map[string]string{"platform": "2026-01-01T00:00:00Z"})},
			wantAsked: []string{" since 2026-02-28T12:00:00Z"},
			wantKept:  map[string]string{"platform": "2026-01-01T00:00:00Z"},
		},
		"an unreadable checkpoint counts as none": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": five()[:1]}},
			cluster:      cluster{checkpoints: checkpointed(map[string]string{"platform": "yesterday"})},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_5"},
			wantKept:     map[string]string{"platform": "2026-03-01T11:00:00Z"}, wantWrites: 1,
		},
		"without new events nothing is written": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": five()}},
			cluster:      cluster{checkpoints: checkpointed(map[string]string{"platform": "2026-03-01T11:00:00Z"}), recorded: map[string]bool{"/evt_5": true}},
			wantAsked:    []string{" since 2026-03-01T10:50:00Z"},
			wantRecorded: []string{"/evt_5"},
			wantKept:     map[string]string{"platform": "2026-03-01T11:00:00Z"},
		},
		"a failing page leaves the checkpoint unchanged": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": five()}, fails: map[int]error{3: errors.New("cut off")}},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_2", "/evt_3", "/evt_4", "/evt_5"},
			wantError:    true,
		},
		"an event that cannot be recorded leaves it unchanged too": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": five()}},
			cluster:      cluster{refuse: map[string]error{"evt_3": errors.New("the API server is down")}},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_2", "/evt_4", "/evt_5"}, // evt_2 is on the same page
			wantError:    true,
		},
		"a rejected event blocks no other, and leaves the checkpoint unchanged": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": five()}},
			cluster:      cluster{refuse: map[string]error{"evt_4": apierrors.NewBadRequest("no"), "evt_2": apierrors.NewBadRequest("no")}},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_1", "/evt_3", "/evt_5"},
			wantError:    true,
		},
		"an object that is not an event blocks nothing": {
			stripe:       stripe{raw: `{"object":"event","id":"evt_thin"}`, events: map[string][]stripetest.Event{"": five()[:1]}},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_5"},
			wantKept:     map[string]string{"platform": "2026-03-01T11:00:00Z"}, wantWrites: 1,
		},
		"an event with an unreadable object is recorded": {
			stripe:       stripe{events: map[string][]stripetest.Event{"": {broken}}},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z"},
			wantRecorded: []string{"/evt_broken"},
			wantKept:     map[string]string{"platform": "2026-03-01T11:00:00Z"}, wantWrites: 1,
		},
		"types that are not handled are skipped": {
			stripe:    stripe{events: map[string][]stripetest.Event{"": {product}}},
			wantAsked: []string{" since 2026-02-28T12:00:00Z"},
			wantKept:  map[string]string{"platform": "2026-03-01T11:30:00Z"}, wantWrites: 1,
		},
		"connected accounts are listed too, each from its own checkpoint": {
			stripe: stripe{events: map[string][]stripetest.Event{"acct_B": five()[:1], "acct_A": five()[1:2]}},
			cluster: cluster{
				accounts:    []string{"acct_B", "", "acct_A", "acct_B"},
				checkpoints: checkpointed(map[string]string{"acct_B": "2026-03-01T10:00:00Z"}),
			},
			wantAsked:    []string{" since 2026-02-28T12:00:00Z", "acct_A since 2026-02-28T12:00:00Z", "acct_B since 2026-03-01T09:50:00Z"},
			wantRecorded: []string{"acct_A/evt_4", "acct_B/evt_5"},
			wantKept:     map[string]string{"acct_A": "2026-03-01T10:00:00Z", "acct_B": "2026-03-01T11:00:00Z"}, wantWrites: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackfill(&tc.stripe, &tc.cluster)
			err := b.runAll(t.Context())
			if b.Looking() {
				t.Error("Looking is true after the run")
			}
			if (err != nil) != tc.wantError {
				t.Errorf("error is %v, want one: %t", err, tc.wantError)
			}
			if diff := cmp.Diff(tc.wantAsked, tc.stripe.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			var recorded []string
			for id := range tc.cluster.recorded {
				recorded = append(recorded, id)
			}
			slices.Sort(recorded)
			if diff := cmp.Diff(tc.wantRecorded, recorded); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
			var kept map[string]string
			if tc.cluster.checkpoints != nil {
				kept = tc.cluster.checkpoints.Data
			}
			if diff := cmp.Diff(tc.wantKept, kept); diff != "" || tc.cluster.writes != tc.wantWrites {
				t.Errorf("%d writes, want %d; checkpoints (-want +got):\n%s", tc.cluster.writes, tc.wantWrites, diff)
			}
		})
	}
}

// A failing account does not stop the others.
func TestAFailingAccountDoesNotStopTheOthers(t *testing.T) {
	s := &stripe{events: map[string][]stripetest.Event{"": five(), "acct_A": five()[:2]}, fails: map[int]error{2: errors.New("cut off")}}
	c := &cluster{accounts: []string{"acct_A"}}
	if err := newBackfill(s, c).runAll(t.Context()); err == nil {
		t.Error("no error")
	}
	if !c.recorded["acct_A/evt_4"] {
		t.Error("the account after the failing one was not backfilled")
	}
}

// A connected account that Stripe refuses fails no run, or every run would fail from then on. Its checkpoint stays, the log
// names it once, and it is backfilled once it is let in again. If the key is refused, the run has failed.
func TestARefusedAccountFailsNoRun(t *testing.T) {
	lines := 0
	s := &stripe{
		events: map[string][]stripetest.Event{"": five(), "acct_A": five()[:2], "acct_B": five()[:1]},
		refuse: map[string]error{"acct_A": fmt.Errorf("list: %w", &stripeapi.RefusalError{Account: "acct_A"})},
	}
	c := &cluster{accounts: []string{"acct_A", "acct_B"}}
	b := newBackfill(s, c)
	b.Log = funcr.New(func(_, line string) {
		if strings.Contains(line, "acct_A") && !strings.Contains(line, "Backfilled") {
			lines++
		}
	}, funcr.Options{})
	for range 2 {
		if err := b.runAll(t.Context()); err != nil {
			t.Errorf("the run failed: %v", err)
		}
	}
	if c.recorded["acct_A/evt_4"] || !c.recorded["acct_B/evt_5"] || lines != 1 {
		t.Errorf("recorded %v, %d lines about the account; want nothing of acct_A, and one line", c.recorded, lines)
	}
	s.refuse = nil
	if err := b.runAll(t.Context()); err != nil || !c.recorded["acct_A/evt_4"] || lines != 2 {
		t.Errorf("let in again: %v, recorded %v, %d lines", err, c.recorded, lines)
	}
	s.refuse = map[string]error{"": &stripeapi.RefusalError{}, "acct_A": &stripeapi.RefusalError{}}
	if err := b.runAll(t.Context()); !errors.Is(err, stripeapi.ErrKeyRefused) {
		t.Errorf("the key is refused: %v, want ErrKeyRefused", err)
	}
}

// After a failure the next run starts soon, after ever longer waits; after a success it starts an interval later.
func TestWhenTheNextRunStarts(t *testing.T) {
	s := &stripe{events: map[string][]stripetest.Event{"": five()}, fails: map[int]error{1: errors.New("down")}}
	c := &cluster{}
	b := newBackfill(s, c)
	waits := &waits{FakeClock: testingclock.NewFakeClock(noon)}
	waits.then = func(n int) bool {
		if n == 8 {
			s.fails = nil
		}
		return n < 10
	}
	b.Clock = waits
	ctx, cancel := context.WithCancel(t.Context())
	waits.end = cancel
	if err := b.Start(ctx); err != nil {
		t.Fatal(err)
	}
	second := time.Second
	want := []time.Duration{
		second, 2 * second, 4 * second, 8 * second, 16 * second, 32 * second, time.Minute, time.Minute, time.Minute, time.Minute,
	}
	if diff := cmp.Diff(want, waits.waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if len(c.recorded) != 5 {
		t.Errorf("%d events are recorded, want 5", len(c.recorded))
	}
}

// The first run waits for what comes before it, and ends with its context.
func TestTheFirstRunWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, before := &stripe{}, make(chan struct{})
		b := newBackfill(s, &cluster{})
		b.After = before
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- b.Start(ctx) }()
		synctest.Wait()
		if len(s.asked) > 0 {
			t.Fatalf("before it may start it asks for %v", s.asked)
		}
		close(before)
		synctest.Wait()
		if len(s.asked) != 1 {
			t.Errorf("after that it asks for %v, want one list", s.asked)
		}
		b.After = make(chan struct{})
		go func() { ended <- b.Start(ctx) }()
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

// waits is a clock that records the waits and lets no time pass.
type waits struct {
	*testingclock.FakeClock
	waits []time.Duration
	then  func(n int) bool
	end   func()
}

func (w *waits) After(d time.Duration) <-chan time.Time {
	w.waits = append(w.waits, d)
	passed := make(chan time.Time, 1)
	if w.then(len(w.waits)) {
		passed <- noon
	} else {
		w.end()
	}
	return passed
}
