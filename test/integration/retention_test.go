package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/controller/retention"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

const retained = 31 * 24 * time.Hour

// oldLife is a life that ended before the retention begins.
func oldLife(name string, seed uint64) *World {
	world := NewWorld(time.Now().AddDate(0, 0, -90).Truncate(time.Second), New, seed)
	world.Name = name
	for _, op := range []Op{SignUpWithTrial, EndTrial, ChangeQuantity, ChangePlan, ChangeEmail, RefundPart, FailRenewal, Recover, Renew} {
		world.Advance(time.Hour)
		if !world.Do(op) {
			panic(fmt.Sprintf("operation %q does not apply", op))
		}
	}
	return world
}

// archivesTo has the operator archive and delete old events.
func archivesTo(url string) func(*config.Config) {
	return func(c *config.Config) { c.ArchiveURL, c.EventRetention = url, retained }
}

// archived reads the whole chain of the archive. It returns how often it has each event.
func archived(t *testing.T, url string) map[string]int {
	t.Helper()
	a, err := archive.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	events, head := map[string]int{}, archive.Head{}
	for {
		batch, err := a.Next(t.Context(), head)
		if errors.Is(err, io.EOF) {
			return events
		} else if err != nil {
			t.Fatal(err)
		}
		for _, ref := range batch.Events {
			events[ref.EventID]++
		}
		head = batch.Head
	}
}

// rested makes every settled event one that was settled two days ago.
func (o *operator) rested() {
	o.t.Helper()
	for _, e := range o.events() {
		e.Status.ProcessedAt = new(metav1.NewTime(time.Now().AddDate(0, 0, -2).Truncate(time.Second)))
		if err := cluster.Client.Status().Update(context.Background(), &e); err != nil {
			o.t.Fatal(err)
		}
	}
}

// Old settled events leave the cluster for the archive, and the statuses stay. Events that Stripe sends again after that change
// nothing, and no e-mail is sent. What is left of a customer whose status is lost decides nothing against it.
func TestOldEventsLeaveTheCluster(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	url := "file://" + t.TempDir()
	world, lost, young := oldLife("Old", 1), oldLife("Lost", 2), NewWorld(time.Now().Add(-time.Hour), New, 3)
	young.Name = "Young"
	young.Do(SignUp)
	first := start(t, withMailgun)
	first.send(world.Events()...)
	first.send(lost.Events()...)
	first.send(young.Events()...)
	first.send(broken("evt_OldBroken", world.Objects("customer")[0].ID()))
	first.settled()
	first.eventually("the sign-up's e-mails are sent", func() string {
		if got := subjects(server.Messages()); !cmp.Equal(got, bothSubjects) {
			return fmt.Sprintf("sent are %v", got)
		}
		return ""
	})
	first.rested()
	want, recorded := first.finalStatuses(world), ids(first.events())
	first.stop()

	o := startIn(t, first.namespace, withMailgun, archivesTo(url))
	o.eventually("old events are gone", func() string {
		for _, e := range o.events() {
			if e.Spec.Created.Time.Before(time.Now().Add(-retained)) {
				return e.Spec.Type + " " + e.Spec.EventID + " is there"
			}
		}
		return ""
	})
	inArchive := archived(t, url)
	for id, times := range inArchive {
		if times != 1 {
			t.Errorf("%s is archived %d times", id, times)
		}
	}
	all := slices.Concat(ids(o.events()), slices.Collect(maps.Keys(inArchive)))
	slices.Sort(all)
	if diff := cmp.Diff(recorded, all); diff != "" {
		t.Errorf("recorded, and in the cluster or the archive:\n%s", diff)
	}
	if !slices.Contains(ids(o.events()), "evt_OldBroken") {
		t.Error("the failed event is gone")
	}

	resent := world.Events()
	o.send(resent[0], resent[len(resent)/2], resent[len(resent)-1])
	o.settled()
	if diff := cmp.Diff(want, o.finalStatuses(world), ignoreProcessing); diff != "" {
		t.Errorf("the statuses (-before +after events were deleted and some sent again):\n%s", diff)
	}
	if got := subjects(server.Messages()); !cmp.Equal(got, bothSubjects) {
		t.Errorf("after events were sent again the messages are %v", got)
	}

	customer := lost.Objects("customer")[0]
	o.entitled(customer.ID(), "True SubscriptionActive")
	if err := cluster.Client.Delete(t.Context(), o.customer(customer.ID())); err != nil {
		t.Fatal(err)
	}
	if err := o.collectGarbage(); err != nil {
		t.Fatal(err)
	}
	canceled := lost.Objects("subscription")[0].With("status", "canceled").With("ended_at", time.Now().Unix())
	o.send(Event{ID: "evt_LostEnded", Type: "customer.subscription.deleted", Created: time.Now(), Shape: Old, Object: canceled})
	o.settled()
	o.entitled(customer.ID(), "Unknown StateNotKnown")
	if o.customer(customer.ID()).Status.EventsGoneBefore == nil {
		t.Error("the status does not say that events are gone")
	}

	// Another customer is new to the installation: nothing of it is gone, although nothing reports its creation.
	fresh := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), New, 9)
	fresh.Name = "Fresh"
	fresh.Do(SignUp)
	fresh.Do(Cancel)
	o.send(slices.DeleteFunc(fresh.Events(), func(e Event) bool { return e.Type == "customer.created" })...)
	o.entitled(fresh.Objects("customer")[0].ID(), "False SubscriptionEnded")
}

func ids(events []v1alpha1.BillingEvent) []string {
	var found []string
	for i := range events {
		found = append(found, events[i].Spec.EventID)
	}
	slices.Sort(found)
	return found
}

// recordOld creates settled events of a time long ago.
func recordOld(t *testing.T, namespace string, n int) []string {
	t.Helper()
	var recorded []string
	for i := range n {
		e := aBillingEvent(namespace, "")
		e.Spec.EventID = fmt.Sprintf("evt_Old%04d", i)
		e.Name = v1alpha1.ObjectName("", e.Spec.EventID)
		e.Spec.Created = metav1.NewTime(time.Now().AddDate(0, 0, -60-i%3).Truncate(time.Second))
		e.Spec.Customer = &v1alpha1.CustomerRecord{Email: "ada@kite.example", Name: "Ada"}
		if err := cluster.Client.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		e.Status.Outcome, e.Status.ProcessedAt = v1alpha1.OutcomeApplied, new(metav1.NewTime(time.Now().AddDate(0, 0, -59).Truncate(time.Second)))
		if err := cluster.Client.Status().Update(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		recorded = append(recorded, e.Spec.EventID)
	}
	return recorded
}

// errKilled stands for the end of a process.
var errKilled = errors.New("killed")

// steps counts what a leader does, and kills it at one step: before the step or after it. Then nothing that it does succeeds.
type steps struct {
	mutex  sync.Mutex
	last   int  // the number of the last step, from 0; less than 0 if there is none
	after  bool // the leader is killed after it, not before
	isDead bool
	done   int
}

// step does one step, unless the leader is dead.
func (s *steps) step(do func() error) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.isDead {
		return errKilled
	}
	isLast := s.done == s.last
	s.done++
	if s.isDead = isLast; isLast && !s.after {
		return errKilled
	}
	err := do()
	if isLast {
		return errKilled
	}
	return err
}

// steppedArchive and the client of leaderOf count steps.
type steppedArchive struct {
	retention.Archive
	*steps
}

func (a steppedArchive) Append(ctx context.Context, head archive.Head, events []v1alpha1.BillingEvent) (next archive.Head, err error) {
	err = a.step(func() error { next, err = a.Archive.Append(ctx, head, events); return err })
	return next, err
}

func (a steppedArchive) Next(ctx context.Context, head archive.Head) (batch archive.Batch, err error) {
	err = a.step(func() error { batch, err = a.Archive.Next(ctx, head); return err })
	return batch, err
}

// leader is a retention that does the steps as a process of its own.
func leader(t *testing.T, namespace, url string, s *steps) *retention.Retention {
	t.Helper()
	access := rest.CopyConfig(cluster.Config)
	access.QPS = -1
	plain, err := client.NewWithWatch(access, client.Options{Scheme: cluster.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	stepped := interceptor.NewClient(plain, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			return s.step(func() error { return c.Create(ctx, o, options...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
			return s.step(func() error { return c.Update(ctx, o, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			return s.step(func() error { return c.Delete(ctx, o, options...) })
		},
	})
	httpClient, err := rest.HTTPClientFor(access)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := retention.NewRows(access, httpClient, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return &retention.Retention{
		Client: stepped, Reader: plain, Namespace: namespace, Rows: rows,
		Head: archivehead.Store{Reader: plain, Writer: stepped, Namespace: namespace}, Keep: retained, URL: url,
		Open: func(ctx context.Context, url string) (retention.Archive, error) {
			opened, err := retention.OpenArchive(ctx, url)
			return steppedArchive{opened, s}, err
		},
		Clock: clock.RealClock{}, Log: logr.Discard(), Share: 1, BatchSize: 3,
	}
}

// lead runs the leader until everything is archived, or it is dead. It reports which.
func lead(t *testing.T, namespace string, r *retention.Retention, s *steps) (isDone bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = r.Start(ctx)
	}()
	defer func() { cancel(); <-ended }()
	o := &operator{t: t, namespace: namespace}
	o.eventually("the events go, or the leader dies", func() string {
		s.mutex.Lock()
		isDead := s.isDead
		s.mutex.Unlock()
		if isDone = len(o.events()) == 0; isDone || isDead {
			return ""
		}
		return fmt.Sprintf("%d events are left", len(o.events()))
	})
	return isDone
}

// A leader is killed at each of its steps, before and after it, and the next one goes on: no event is lost, and the chain of the
// archive is whole. An event that is gone from the cluster is in the archive, at every instant.
func TestALeaderDiesAtEachStepOfTheRetention(t *testing.T) {
	const events = 7
	whole := &steps{last: -1}
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	recorded := recordOld(t, namespace, events)
	url := "file://" + t.TempDir()
	if !lead(t, namespace, leader(t, namespace, url, whole), whole) {
		t.Fatal("the events stay")
	}
	t.Logf("%d events take %d steps", events, whole.done)
	if whole.done < events+10 {
		t.Fatalf("only %d steps", whole.done)
	}
	for at := range whole.done {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d, after it: %t", at, after), func(t *testing.T) {
				t.Parallel()
				namespace, err := cluster.Namespace(t.Context(), "it-")
				if err != nil {
					t.Fatal(err)
				}
				recordOld(t, namespace, events)
				url := "file://" + t.TempDir()
				dies, lives := &steps{last: at, after: after}, &steps{last: -1}
				lead(t, namespace, leader(t, namespace, url, dies), dies)
				nothingLost(t, namespace, url, recorded)
				if !lead(t, namespace, leader(t, namespace, url, lives), lives) {
					t.Fatal("the events stay")
				}
				nothingLost(t, namespace, url, recorded)
			})
		}
	}
}

// nothingLost compares the events in the cluster and in the archive with the recorded ones, and the head with the archive.
func nothingLost(t *testing.T, namespace, url string, recorded []string) {
	t.Helper()
	o := &operator{t: t, namespace: namespace}
	known := slices.Sorted(maps.Keys(archived(t, url)))
	known = append(known, ids(o.events())...)
	slices.Sort(known)
	if diff := cmp.Diff(recorded, slices.Compact(known)); diff != "" {
		t.Errorf("recorded, and in the cluster or the archive:\n%s", diff)
	}
	if len(o.events()) < len(recorded) {
		var head corev1.ConfigMap
		key := client.ObjectKey{Namespace: namespace, Name: archivenote.ConfigMap}
		if err := cluster.Client.Get(t.Context(), key, &head); err != nil || head.Data["goneBefore"] == "" {
			t.Errorf("events are gone, and the head does not say so: %v, %v", head.Data, err)
		}
	}
}

// Two leaders at the same time, as when one is paused, lose nothing either: each only deletes what is archived.
func TestTwoLeadersOfTheRetention(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	recorded := recordOld(t, namespace, 40)
	url := "file://" + t.TempDir()
	var both sync.WaitGroup
	for range 2 {
		s := &steps{last: -1}
		r := leader(t, namespace, url, s)
		both.Go(func() { lead(t, namespace, r, s) })
	}
	both.Wait()
	nothingLost(t, namespace, url, recorded)
}

// An archive that cannot be opened stops nothing: events stay, the receiver works, and the ConfigMap says why. An event that is not
// old, or not settled, stays.
func TestAnArchiveThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	recorded := recordOld(t, namespace, 3)
	o := startIn(t, namespace, archivesTo("file:///proc/no/archive"))
	o.eventually("the problem is noted", func() string {
		var head corev1.ConfigMap
		key := client.ObjectKey{Namespace: namespace, Name: archivenote.ConfigMap}
		if err := cluster.Client.Get(t.Context(), key, &head); err != nil || !strings.Contains(head.Data["problem"], "archive") {
			return fmt.Sprintf("the ConfigMap says %q (%v)", head.Data["problem"], err)
		}
		return ""
	})
	served(o, "NoArchive", "ada@kite.example")
	for _, id := range recorded {
		if o.event(id).UID == "" {
			t.Errorf("%s is gone", id)
		}
	}
}

// With --archive-url=none, old events are deleted without an archive.
func TestWithoutAnArchive(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	recordOld(t, namespace, 5)
	o := startIn(t, namespace, archivesTo(config.ArchiveNone))
	o.eventually("the events are gone", func() string {
		if left := len(o.events()); left > 0 {
			return fmt.Sprintf("%d are left", left)
		}
		return ""
	})
	nothingLost(t, namespace, "file://"+t.TempDir(), nil)
}
