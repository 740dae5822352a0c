package retention

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

const namespace = "billing"

// memory is an archive of which the test says what goes wrong.
type memory struct {
	batches    []archive.Batch
	appendErr  error
	forgetful  bool // Next lacks the last event of a batch
	appendedTo int
}

func (m *memory) Append(_ context.Context, head archive.Head, events []v1alpha1.BillingEvent) (archive.Head, error) {
	m.appendedTo++
	if m.appendErr != nil {
		return archive.Head{}, m.appendErr
	}
	if int(head.Batch) < len(m.batches) {
		return archive.Head{}, archive.ErrBehind
	}
	next := archive.Head{Batch: head.Batch + 1, SHA256: fmt.Sprintf("sha-%d", head.Batch+1), Events: head.Events + int64(len(events))}
	batch := archive.Batch{Head: next, Bytes: 100}
	for i := range events {
		batch.LastCreated = events[i].Spec.Created.Time
		batch.Events = append(batch.Events, archive.Ref{EventID: events[i].Spec.EventID, Name: events[i].Name, UID: events[i].UID})
	}
	m.batches = append(m.batches, batch)
	return next, nil
}

func (m *memory) Next(_ context.Context, head archive.Head) (archive.Batch, error) {
	if int(head.Batch) >= len(m.batches) {
		return archive.Batch{}, io.EOF
	}
	batch := m.batches[head.Batch]
	if m.forgetful {
		batch.Events = batch.Events[:len(batch.Events)-1]
	}
	return batch, nil
}

func (m *memory) Close() error { return nil }

// events is how many events are in the batches.
func (m *memory) events() (n int) {
	for _, batch := range m.batches {
		n += len(batch.Events)
	}
	return n
}

// bench is a retention over a fake cluster with three old events and a young one.
func bench(t *testing.T, m *memory, funcs interceptor.Funcs) (*Retention, client.WithWatch) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	var listed []row
	builder := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(funcs)
	for i, age := range []time.Duration{60 * day, 50 * day, 46 * day, day} {
		e := old(created(age))
		e.Spec.EventID = fmt.Sprintf("evt_%d", i)
		e.Namespace, e.Name, e.UID = namespace, naming.Object("", e.Spec.EventID), types.UID(e.Spec.EventID)
		builder.WithObjects(e)
		listed = append(listed, row{EventID: e.Spec.EventID, Created: e.Spec.Created.Time})
	}
	c := builder.Build()
	r := &Retention{
		Client: c, Reader: c, Namespace: namespace, Rows: pages{listed}, Keep: keep, URL: "mem://",
		Head:  archivehead.Store{Reader: c, Writer: c, Namespace: namespace},
		Open:  func(context.Context, string) (Archive, error) { return m, nil },
		Clock: testingclock.NewFakeClock(now), Log: logr.Discard(), Share: 1, BatchSize: 2,
	}
	r.prepare()
	return r, c
}

func left(t *testing.T, c client.Client) []string {
	t.Helper()
	var list v1alpha1.BillingEventList
	if err := c.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range list.Items {
		ids = append(ids, list.Items[i].Spec.EventID)
	}
	slices.Sort(ids)
	return ids
}

func TestRun(t *testing.T) {
	m := &memory{}
	r, c := bench(t, m, interceptor.Funcs{})
	if isMoreLeft, err := r.run(t.Context()); err != nil || isMoreLeft {
		t.Fatalf("more is left: %t, %v", isMoreLeft, err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"evt_3"}) {
		t.Errorf("left are %v", got)
	}
	state, err := r.Head.Load(t.Context())
	if err != nil || len(m.batches) != 2 || state.Head != m.batches[1].Head || state.Bytes != 200 || !state.GoneBefore.Equal(now.Add(-keep)) {
		t.Errorf("the head is %+v after %d batches, %v", state, len(m.batches), err)
	}
}

// The API server is asked first whether it would delete: otherwise the same events would be archived without end.
func TestNothingIsArchivedThatMayNotBeDeleted(t *testing.T) {
	m := &memory{}
	refusal := apierrors.NewForbidden(schema.GroupResource{Resource: "billingevents"}, "evt", errors.New("policy"))
	r, c := bench(t, m, interceptor.Funcs{
		Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error { return refusal },
	})
	if _, err := r.run(t.Context()); causeOf(err) != causeRefused {
		t.Errorf("got %v", err)
	}
	if m.appendedTo > 0 || len(left(t, c)) != 4 {
		t.Errorf("%d batches were archived, left are %v", m.appendedTo, left(t, c))
	}
}

func TestOnlyWhatTheArchiveHasIsDeleted(t *testing.T) {
	r, c := bench(t, &memory{forgetful: true}, interceptor.Funcs{})
	if _, err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"evt_1", "evt_2", "evt_3"}) {
		t.Errorf("left are %v", got)
	}
}

// An event that changes after it was archived stays, and is archived again.
func TestAnEventThatChangesStays(t *testing.T) {
	m := &memory{}
	isChanged := false
	r, c := bench(t, m, interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if o.GetUID() == "evt_1" && !isChanged {
				isChanged = true
				var e v1alpha1.BillingEvent
				if err := c.Get(ctx, client.ObjectKeyFromObject(o), &e); err != nil {
					return err
				}
				e.Annotations = map[string]string{"note": "Ticket 4711"}
				if err := c.Update(ctx, &e); err != nil {
					return err
				}
				return apierrors.NewConflict(schema.GroupResource{Resource: "billingevents"}, o.GetName(), errors.New("the object has been modified"))
			}
			return c.Delete(ctx, o, options...)
		},
	})
	if _, err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"evt_1", "evt_3"}) {
		t.Errorf("left are %v", got)
	}
	if _, err := r.run(t.Context()); err != nil || !slices.Equal(left(t, c), []string{"evt_3"}) || len(m.batches) != 3 {
		t.Errorf("after another look %v are left, in %d batches: %v", left(t, c), len(m.batches), err)
	}
}

// A batch that a leader has written before it died is adopted, and its events are archived again before they are deleted.
func TestABatchIsAdopted(t *testing.T) {
	m := &memory{}
	r, c := bench(t, m, interceptor.Funcs{})
	if _, err := m.Append(t.Context(), archive.Head{}, []v1alpha1.BillingEvent{*old(nil)}); err != nil {
		t.Fatal(err)
	}
	state, err := r.adopt(t.Context())
	if err != nil || state.Head != m.batches[0].Head || !state.GoneBefore.Equal(now.Add(-60*day+time.Second)) {
		t.Errorf("the head is %+v, %v", state, err)
	}
	if got := left(t, c); len(got) != 4 {
		t.Errorf("left are %v", got)
	}
}

func TestCauses(t *testing.T) {
	broken := errors.New("403 Forbidden")
	m := &memory{appendErr: broken}
	r, c := bench(t, m, interceptor.Funcs{})
	_, err := r.run(t.Context())
	if causeOf(err) != causeArchive || !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	r.fail(t.Context(), err, time.Second)
	if got := r.Phase(); got != "Failing-archive" {
		t.Errorf("the phase is %s", got)
	}
	m.appendErr = archive.ErrBehind
	if _, err := r.run(t.Context()); !errors.Is(err, errBehind) {
		t.Errorf("got %v", err)
	}
	state, err := r.Head.Load(t.Context())
	if err != nil || state.Problem == "" || len(left(t, c)) != 4 {
		t.Errorf("the problem is %q, left are %v, %v", state.Problem, left(t, c), err)
	}
	m.appendErr = nil
	if _, err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.succeed(t.Context(), nil)
	if state, err = r.Head.Load(t.Context()); err != nil || state.Problem != "" || r.Phase() != "Deletes" {
		t.Errorf("in the end the problem is %q, and the phase %s, %v", state.Problem, r.Phase(), err)
	}
}

// An open dispute keeps its own events, and those of its payment.
func TestAnOpenDisputeKeepsItsEvents(t *testing.T) {
	r, c := bench(t, &memory{}, interceptor.Funcs{})
	customer := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_1"}}
	customer.Namespace, customer.Name = namespace, naming.Object("", "cus_1")
	customer.Status.OpenDisputes = []v1alpha1.Dispute{{ID: "dp_1", ChargeID: "ch_1"}}
	if err := c.Create(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
	for id, change := range map[string]func(*v1alpha1.BillingEvent){"evt_0": dispute("dp_1"), "evt_1": payment("ch_1", "")} {
		var e v1alpha1.BillingEvent
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: naming.Object("", id)}, &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		e.Status.ProcessedAt = new(metav1.NewTime(now.Add(-50 * day)))
		if err := c.Update(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.run(t.Context()); err != nil || !slices.Equal(left(t, c), []string{"evt_0", "evt_1", "evt_3"}) {
		t.Errorf("left are %v, %v", left(t, c), err)
	}
}

// An archive that can be read and not written is tried again without another look at all events, until the next one is due.
func TestAnArchiveThatCannotBeWrittenCostsOneLook(t *testing.T) {
	m := &memory{appendErr: errors.New("403 Forbidden")}
	r, c := bench(t, m, interceptor.Funcs{})
	looks := &counted{lister: r.Rows}
	r.Rows = looks
	for _, tc := range []struct {
		after time.Duration
		looks int
	}{{0, 1}, {time.Minute, 1}, {interval, 2}} {
		r.Clock.(*testingclock.FakeClock).Step(tc.after)
		if _, err := r.run(t.Context()); causeOf(err) != causeArchive || looks.pages != tc.looks {
			t.Errorf("after %s there were %d looks, want %d; %v", tc.after, looks.pages, tc.looks, err)
		}
	}
	m.appendErr = nil
	if _, err := r.run(t.Context()); err != nil || looks.pages != 2 || !slices.Equal(left(t, c), []string{"evt_3"}) {
		t.Errorf("once it can be written, %v are left after %d looks, %v", left(t, c), looks.pages, err)
	}
	if _, err := r.run(t.Context()); err != nil || looks.pages != 3 {
		t.Errorf("then there were %d looks, want another one; %v", looks.pages, err)
	}
}

// counted counts the pages of a list.
type counted struct {
	lister
	pages int
}

func (c *counted) Page(ctx context.Context, next string) ([]row, string, error) {
	c.pages++
	return c.lister.Page(ctx, next)
}

// An erasure that is recorded between two batches moves the head: the second batch may have personal data that the erasure has not
// seen, so nothing of it is deleted, and its events are read anew.
func TestAnErasureBetweenTwoBatchesOfARun(t *testing.T) {
	m, q := &memory{}, &requests{}
	var r *Retention
	funcs := q.funcs()
	isErased := false
	funcs.Delete = func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
		err := c.Delete(ctx, o, options...)
		isDryRun := (&client.DeleteOptions{}).ApplyOptions(options).DryRun != nil
		if o.GetUID() != "evt_1" || isDryRun || isErased { // the event first: several are deleted at a time
			return err
		}
		isErased = true // after the first batch
		state, loadErr := r.Head.Load(ctx)
		next := state
		next.Head = archive.Head{Batch: state.Head.Batch + 1, SHA256: "sha-of-the-erasure", Events: state.Head.Events}
		m.batches = append(m.batches, archive.Batch{Head: next.Head})
		_, swapErr := r.Head.Swap(ctx, state, next)
		return errors.Join(err, loadErr, swapErr)
	}
	r, c := bench(t, m, funcs)
	if _, err := r.run(t.Context()); !errors.Is(err, errBehind) {
		t.Errorf("the first run: %v", err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"evt_2", "evt_3"}) || len(m.batches) != 2 {
		t.Errorf("after the first run %v are left, and the archive has %d batches", got, len(m.batches))
	}
	before := q.gets + q.lists
	if _, err := r.run(t.Context()); err != nil || q.gets+q.lists == before {
		t.Errorf("the second run reads events %d times, %v", q.gets+q.lists-before, err)
	}
	if got := left(t, c); !slices.Equal(got, []string{"evt_3"}) || len(m.batches) != 3 || m.batches[2].Events[0].EventID != "evt_2" {
		t.Errorf("after the second run %v are left, and the archive has %+v", got, m.batches)
	}
}
