package erasure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// bench is an erasure controller over a fake cluster, and what it asks for.
type bench struct {
	*Reconciler
	cluster   client.WithWatch
	clock     *testingclock.FakeClock
	lists     int
	archived  int // erasures in the archive
	archive   error
	afterList func()
	pages     map[string]page // of the first list; none for all events in one page
}

// page is a page of a list in a test.
type page struct {
	events []string
	next   string
	err    error
}

func (b *bench) Erase(context.Context, string, string) error {
	b.archived++
	return b.archive
}

// ada is a customer that is deleted, and whose erasure has begun.
func ada() *v1alpha1.Customer {
	c := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}}
	c.Namespace, c.Name, c.UID = namespace, naming.Object("", "cus_Ada"), "uid-ada"
	c.Status.DeletedAt = &noon
	c.Status.Erasure = &v1alpha1.Erasure{StartedAt: noon}
	return c
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	b := &bench{clock: testingclock.NewFakeClock(noon.Time)}
	byField := func(field string) client.IndexerFunc {
		return func(o client.Object) []string {
			e := o.(*v1alpha1.BillingEvent)
			return []string{map[string]string{v1alpha1.FieldCustomerID: e.Spec.CustomerID, v1alpha1.FieldLinkedCustomer: e.Status.CustomerID}[field]}
		}
	}
	b.cluster = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.BillingEvent{}).
		WithIndex(&v1alpha1.BillingEvent{}, v1alpha1.FieldCustomerID, byField(v1alpha1.FieldCustomerID)).
		WithIndex(&v1alpha1.BillingEvent{}, v1alpha1.FieldLinkedCustomer, byField(v1alpha1.FieldLinkedCustomer)).
		WithIndex(&v1alpha1.BillingEvent{}, routing.ByCustomer, func(o client.Object) []string { // of the cache: pending ones
			if e := o.(*v1alpha1.BillingEvent); e.Status.Outcome == v1alpha1.OutcomePending {
				return []string{naming.Object(e.Spec.Account, e.CustomerID())}
			}
			return nil
		}).
		WithIndex(&v1alpha1.Email{}, routing.ByCustomer, func(o client.Object) []string {
			return []string{o.(*v1alpha1.Email).Spec.CustomerRef.Name}
		}).Build()
	b.Reconciler = &Reconciler{
		Client: b.cluster, Reader: interceptor.NewClient(b.cluster, interceptor.Funcs{List: b.list}), Clock: b.clock, Recorder: toolsevents.NewFakeRecorder(100),
		Replacer: &Replacer{Client: b.cluster, Reader: b.cluster, Namespace: namespace, Clock: b.clock}, Erased: erased.NewMailbox(), Archive: b,
	}
	return b
}

func (b *bench) list(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
	events, isEvents := list.(*v1alpha1.BillingEventList)
	if !isEvents {
		return c.List(ctx, list, options...)
	}
	b.lists++
	asked := (&client.ListOptions{}).ApplyOptions(options)
	p, isPaged := b.pages[asked.Continue]
	isPaged = isPaged && strings.Contains(asked.FieldSelector.String(), v1alpha1.FieldCustomerID+"=")
	err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFieldsSelector{Selector: asked.FieldSelector})
	if isPaged && p.err != nil {
		return p.err
	}
	if isPaged {
		var kept []v1alpha1.BillingEvent
		for _, e := range events.Items {
			for _, id := range p.events {
				if e.Spec.EventID == id {
					kept = append(kept, e)
				}
			}
		}
		events.Items, events.Continue = kept, p.next
	}
	if b.afterList != nil {
		b.afterList()
	}
	return err
}

func (b *bench) reconcile(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(ada())})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// written has the customer's controller write the last note.
func (b *bench) written(t *testing.T) *v1alpha1.Erasure {
	t.Helper()
	key := client.ObjectKeyFromObject(ada())
	var c v1alpha1.Customer
	if err := b.cluster.Get(t.Context(), key, &c); err != nil {
		t.Fatal(err)
	}
	if note := b.Erased.Peek(key); note != nil {
		b.Erased.Remove(key, note)
		<-b.Erased.Wake()
		c.Status.Erasure = note.Erasure
		if err := b.cluster.Update(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
	}
	return c.Status.Erasure
}

// personalLeft are the events that have personal data.
func (b *bench) personalLeft(t *testing.T) []string {
	t.Helper()
	var list v1alpha1.BillingEventList
	if err := b.cluster.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range list.Items {
		if personal.Has(&list.Items[i]) {
			ids = append(ids, list.Items[i].Spec.EventID)
		}
	}
	return ids
}

func objects(events ...*v1alpha1.BillingEvent) []client.Object {
	all := []client.Object{ada()}
	for _, e := range events {
		e.UID = types.UID("uid-of-" + e.Spec.EventID)
		all = append(all, e)
	}
	return all
}

// An erasure that waits for an e-mail reads the customer's events once, not at each attempt. It reads them again when others come.
func TestAnErasureThatWaitsReadsTheEventsOnce(t *testing.T) {
	email := &v1alpha1.Email{Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: ada().Name}}}
	email.Namespace, email.Name = namespace, "welcome"
	email.Status.Attempt = &v1alpha1.EmailAttempt{ClaimedAt: noon, Outcome: v1alpha1.AttemptUnknown}
	b := newBench(t, append(objects(recorded()...), email)...)
	for range 10 {
		if got := b.reconcile(t).RequeueAfter; got != waitInterval {
			t.Fatalf("it goes on after %s", got)
		}
		b.written(t)
	}
	if left := b.personalLeft(t); b.lists != 2 || len(left) > 0 {
		t.Errorf("after ten attempts the events were listed %d times, want 2, and %v have personal data", b.lists, left)
	}
	key := client.ObjectKeyFromObject(ada())
	b.open.late(key)
	b.afterList = func() { b.open.late(key); b.afterList = nil } // another one, while the events are read
	for range 10 {
		b.reconcile(t)
	}
	if b.lists != 6 {
		t.Errorf("after two events had come the events were listed %d times, want 6", b.lists)
	}
	b.note(t, func(e *v1alpha1.Erasure) { e.LatestEvents = "evt_4" })
	for range 10 {
		b.reconcile(t)
	}
	if b.lists != 8 {
		t.Errorf("after an event was folded the events were listed %d times, want 8", b.lists)
	}
	if err := b.cluster.Delete(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	b.reconcile(t)
	if got := b.written(t); got.CompletedAt == nil || got.Events != 3 || b.archived != 1 || b.lists != 8 {
		t.Errorf("the erasure is %+v after %d lists, %d times in the archive", got, b.lists, b.archived)
	}
}

func (b *bench) note(t *testing.T, change func(*v1alpha1.Erasure)) {
	t.Helper()
	var c v1alpha1.Customer
	if err := b.cluster.Get(t.Context(), client.ObjectKeyFromObject(ada()), &c); err != nil {
		t.Fatal(err)
	}
	change(c.Status.Erasure)
	if err := b.cluster.Update(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
}

// An event comes after the erasure, and the archive fails then. The archive is tried again, although the event in the cluster is
// replaced by then.
func TestTheArchiveIsTriedAgainForALateEvent(t *testing.T) {
	b := newBench(t, objects(recorded()[0])...)
	b.note(t, func(e *v1alpha1.Erasure) { e.CompletedAt, e.Archive = &noon, true })
	b.reconcile(t)
	if b.archived != 0 || b.lists != 0 {
		t.Fatalf("without a late event: %d times in the archive, %d lists", b.archived, b.lists)
	}
	b.open.late(client.ObjectKeyFromObject(ada()))
	b.archive = errors.New("403 Forbidden")
	b.reconcile(t)
	b.archive = nil
	for range 3 {
		b.reconcile(t)
	}
	if b.archived != 2 || b.lists != 2 || len(b.personalLeft(t)) > 0 {
		t.Errorf("%d times in the archive, want 2, and %d lists, want 2; %v have personal data", b.archived, b.lists, b.personalLeft(t))
	}
}

// Two events come after the erasure, and the pass for the first finds both. The pass for the second finds nothing, and the Customer
// stays as it is.
func TestAPassThatFindsNothingChangesNothing(t *testing.T) {
	events := recorded()
	b := newBench(t, objects(events[:2]...)...)
	b.note(t, func(e *v1alpha1.Erasure) { e.CompletedAt, e.Archive = &noon, true })
	key := client.ObjectKeyFromObject(ada())
	pass := func() {
		b.clock.Step(time.Minute)
		b.open.late(key)
		b.reconcile(t)
	}
	pass()
	pass() // before the first one's note is written
	b.written(t)
	pass()
	first, fourth := metav1.NewTime(noon.Add(time.Minute)), metav1.NewTime(noon.Add(4*time.Minute))
	if diff := cmp.Diff(&first, b.written(t).CompletedAt); diff != "" {
		t.Errorf("complete since (-want +got):\n%s", diff)
	}
	if len(b.open.isFailing) > 0 {
		t.Errorf("%d customers still count as to be erased", len(b.open.isFailing))
	}

	// The retention removes an event and another one comes: as many are erased as before, and one of them since.
	comes := events[2].DeepCopy()
	comes.UID = "uid-of-evt_3"
	if err := errors.Join(b.cluster.Delete(t.Context(), events[0]), b.cluster.Create(t.Context(), comes)); err != nil {
		t.Fatal(err)
	}
	comes.Status = events[2].Status
	if err := b.cluster.Status().Update(t.Context(), comes); err != nil {
		t.Fatal(err)
	}
	pass()
	if diff := cmp.Diff(&fourth, b.written(t).CompletedAt); diff != "" {
		t.Errorf("complete since (-want +got):\n%s", diff)
	}
}

// An event that cannot be replaced holds up neither the others of its page nor the later pages, also if a token expires.
func TestAFailingEventLeavesTheLaterPages(t *testing.T) {
	expired := apierrors.NewResourceExpired("the token has expired")
	expired.ErrStatus.Continue = "anew"
	events := recorded()
	events[0].Finalizers = []string{"example.com/hold"}
	b := newBench(t, objects(events...)...)
	b.pages = map[string]page{"": {events: []string{"evt_1", "evt_2"}, next: "second"}, "second": {err: expired}, "anew": {events: []string{"evt_3"}}}
	b.reconcile(t)
	if diff := cmp.Diff([]string{"evt_1"}, b.personalLeft(t)); diff != "" || b.lists != 4 || b.archived != 0 {
		t.Errorf("%d lists, %d times in the archive, and personal data is in (-want +got):\n%s", b.lists, b.archived, diff)
	}
	if got := b.written(t); got.CompletedAt != nil {
		t.Errorf("the erasure is %+v", got)
	}
	var e v1alpha1.BillingEvent
	if err := b.cluster.Get(t.Context(), client.ObjectKeyFromObject(events[0]), &e); err != nil {
		t.Fatal(err)
	}
	e.Finalizers = nil
	if err := b.cluster.Update(t.Context(), &e); err != nil {
		t.Fatal(err)
	}
	b.pages = nil
	b.reconcile(t)
	if got := b.written(t); got.CompletedAt == nil || got.Events != 3 || b.archived != 1 {
		t.Errorf("the erasure is %+v, %d times in the archive", got, b.archived)
	}
}

// The pauses between lists and after a pass that fails grow with the trail.
func TestAPassThatFailsIsFollowedByARest(t *testing.T) {
	held := recorded()[0]
	held.Finalizers = []string{"example.com/hold"}
	b := newBench(t, objects(held)...)
	synctest.Test(t, func(t *testing.T) {
		b.Clock = clock.RealClock{}
		b.afterList = func() { <-time.After(time.Second) }
		b.Replacer.Reader = interceptor.NewClient(b.cluster, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
				if _, isEvent := o.(*v1alpha1.BillingEvent); isEvent {
					<-time.After(3 * time.Second)
				}
				return c.Get(ctx, key, o, options...)
			},
		})
		for _, tc := range []struct {
			after time.Duration
			lists int
		}{{0, 2}, {time.Second, 2}, {48 * time.Second, 2}, {2 * time.Second, 4}} { // 2*1 s of lists, 3 s for the event: a rest of 50 s
			<-time.After(tc.after)
			if b.reconcile(t); b.lists != tc.lists {
				t.Errorf("%s later the events were listed %d times, want %d", tc.after, b.lists, tc.lists)
			}
		}
	})
}

// The time of an erasure ends in the pause after the last page: the erasure is not complete, as the pass does not count.
func TestAnErasureThatEndsInAPauseIsNotComplete(t *testing.T) {
	b := newBench(t, objects(recorded()...)...)
	synctest.Test(t, func(t *testing.T) {
		b.Clock = clock.RealClock{}
		b.afterList = func() { <-time.After(time.Second) }
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second) // two lists of 1 s with pauses of 4 s
		defer cancel()
		isDone, _, err := b.erase(ctx, client.ObjectKeyFromObject(ada()))
		if isDone || !errors.Is(err, context.DeadlineExceeded) || b.lists != 2 || b.archived != 0 {
			t.Errorf("after %d lists it is done: %t, %d times in the archive; the error is %v", b.lists, isDone, b.archived, err)
		}
		b.reconcile(t)
		if got := b.written(t); got.CompletedAt == nil || got.Events != 3 || b.lists != 4 {
			t.Errorf("the erasure is %+v after %d lists", got, b.lists)
		}
	})
}

// However many events cannot be replaced, the error that is logged is short, and says how many there are.
func TestManyEventsThatStayMakeAShortError(t *testing.T) {
	var held []*v1alpha1.BillingEvent
	for n := range eventsPage {
		e := recorded()[0]
		e.Spec.EventID = fmt.Sprint("evt_held", n)
		e.Name, e.Finalizers = naming.Object("", e.Spec.EventID), []string{"example.com/hold"}
		held = append(held, e)
	}
	b := newBench(t, objects(held...)...)
	_, _, err := b.erase(t.Context(), client.ObjectKeyFromObject(ada()))
	if err == nil || !isFailure(err) {
		t.Fatalf("the error is %v", err)
	}
	text, more := err.Error(), fmt.Sprintf("and %d more errors", eventsPage-maxProblems)
	if lines := strings.Count(text, "\n") + 1; lines != maxProblems+1 || !strings.HasSuffix(text, more) {
		t.Errorf("%d lines, which do not end with %q: %.2000s", lines, more, text)
	}
}

// The operator is started without the archive that has events: an erasure waits for it, unless the user has said that it is gone.
func TestAnErasureWaitsForAnArchiveThatIsNotSet(t *testing.T) {
	b := newBench(t, objects(recorded()...)...)
	b.Archive = nil
	head := archivehead.Store{Reader: b.cluster, Writer: b.cluster, Namespace: namespace}
	b.Unreached = func(ctx context.Context) (string, error) { return Unreached(ctx, head) }
	state, err := head.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := state
	next.Head, next.Archive = archivehead.Head{Batch: 3, SHA256: "sha", Events: 7}, "s3://trail"
	if state, err = head.Swap(t.Context(), state, next); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.reconcile(t)
		if got := b.written(t); got.CompletedAt != nil || got.WaitsFor != v1alpha1.WaitsForArchive {
			t.Fatalf("the erasure is %+v", got)
		}
	}
	_, _, err = b.erase(t.Context(), client.ObjectKeyFromObject(ada()))
	if err == nil || !strings.Contains(err.Error(), "s3://trail has events, and --archive-url is not set: set it, or set it to none") || b.lists != 2 {
		t.Errorf("the error is %v, after %d lists", err, b.lists)
	}
	next = state
	next.Archive = "" // the retention notes --archive-url=none so
	if _, err := head.Swap(t.Context(), state, next); err != nil {
		t.Fatal(err)
	}
	b.reconcile(t)
	if got := b.written(t); got.CompletedAt == nil || got.Archive {
		t.Errorf("without the archive the erasure is %+v", got)
	}
}
