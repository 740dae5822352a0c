package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

const namespace = "billing"

var (
	noon      = metav1.NewTime(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	errKilled = errors.New("the process is killed")
)

// personalTexts are the personal data of the events.
var personalTexts = []string{"Ada", "ada@kite.example", "4242", "birthday", "tenant-of-ada", "refunded by hand"}

// recorded are events of a life, with outcomes: an applied one, a superseded one, and a failed one that was dismissed.
func recorded() []*v1alpha1.BillingEvent {
	processed := []metav1.Condition{{Type: v1alpha1.ConditionProcessed, Status: metav1.ConditionTrue, Reason: "Applied", LastTransitionTime: noon}}
	spec := func(id, kind string) v1alpha1.BillingEventSpec {
		return v1alpha1.BillingEventSpec{EventID: id, Type: kind, Created: noon, CustomerID: "cus_Ada", PayloadSHA256: strings.Repeat("a", 64)}
	}
	created, paid, failed := spec("evt_1", "customer.created"), spec("evt_2", "checkout.session.completed"), spec("evt_3", "charge.succeeded")
	created.Customer = &v1alpha1.CustomerRecord{Name: "Ada", Email: "ada@kite.example", Metadata: map[string]v1alpha1.Value{"birthday": "1815-12-10"}}
	paid.Checkout = &v1alpha1.CheckoutRecord{Mode: "payment", AmountTotal: 900, Currency: "eur", Email: "ada@kite.example", ClientReferenceID: "tenant-of-ada"}
	failed.Payment = &v1alpha1.PaymentRecord{Amount: 900, Currency: "eur", PaymentMethod: &v1alpha1.PaymentMethod{ID: "pm_1", Brand: "visa", Last4: "4242"}}
	objects := []*v1alpha1.BillingEvent{
		{Spec: created, Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeApplied, ProcessedAt: &noon, Attempts: 1, Conditions: processed}},
		{Spec: paid, Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeSuperseded, ProcessedAt: &noon, Attempts: 2, Message: "Newer events."}},
		{Spec: failed, Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeFailed, ProcessedAt: &noon, Attempts: 8, Message: "amount: want a number."}},
	}
	objects[2].Annotations = map[string]string{v1alpha1.AnnotationDismissed: "grace@kite.example: 2026-11-29T01:20:00Z Ada was refunded by hand"}
	for _, e := range objects {
		e.Namespace, e.Name, e.Labels = namespace, naming.Object("", e.Spec.EventID), naming.Labels(e.Spec.Type, e.Spec.CustomerID, "")
	}
	return objects
}

// apiServer is a stand-in that gives UIDs, and that stops answering at one of the requests that write.
type apiServer struct {
	client.Client
	writes int
	killAt int  // the number of the write at which the process is killed; 0 for never
	isDone bool // whether that write is made, and only its answer is lost
	killed bool
	uids   int
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	s := &apiServer{}
	s.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.BillingEvent{}).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if (&client.CreateOptions{}).ApplyOptions(options).DryRun != nil {
				return c.Create(ctx, o, options...)
			}
			s.uids++
			o.SetUID(types.UID(fmt.Sprint("uid-", s.uids)))
			if e, isEvent := o.(*v1alpha1.BillingEvent); isEvent {
				e.Status = v1alpha1.BillingEventStatus{}
			}
			return s.write(func() error { return c.Create(ctx, o, options...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
			return s.write(func() error { return c.Update(ctx, o, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			return s.write(func() error { return c.Delete(ctx, o, options...) })
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if s.killed {
				return errKilled
			}
			return c.Get(ctx, key, o, options...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, options ...client.SubResourceUpdateOption) error {
			return s.write(func() error { return c.SubResource(sub).Update(ctx, o, options...) })
		},
	}).Build()
	return s
}

func (s *apiServer) write(do func() error) error {
	s.writes++
	if s.killed {
		return errKilled
	}
	if s.writes == s.killAt {
		s.killed = true
		if s.isDone {
			_ = do()
		}
		return errKilled
	}
	return do()
}

// restart has the API server answer again, to another process.
func (s *apiServer) restart() { s.killed, s.killAt = false, 0 }

// record creates the events with their statuses.
func (s *apiServer) record(t *testing.T, events ...*v1alpha1.BillingEvent) {
	t.Helper()
	for _, e := range events {
		status := e.Status
		if err := s.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		e.Status = status
		if err := s.Status().Update(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *apiServer) events(t *testing.T) map[string]*v1alpha1.BillingEvent {
	t.Helper()
	var list v1alpha1.BillingEventList
	if err := s.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	byID := map[string]*v1alpha1.BillingEvent{}
	for i := range list.Items {
		byID[list.Items[i].Spec.EventID] = &list.Items[i]
	}
	return byID
}

func (s *apiServer) intents(t *testing.T) *intents {
	t.Helper()
	stored, err := loadIntents(t.Context(), s, s, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func (s *apiServer) replacer(t *testing.T) *Replacer {
	t.Helper()
	schemas, err := crdschema.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &Replacer{Client: s, Reader: s, Namespace: namespace, Schemas: schemas, Clock: clocktesting.NewFakePassiveClock(noon.Time)}
}

// replaceAll replaces what has personal data and an outcome, as the controller does.
func (s *apiServer) replaceAll(t *testing.T) error {
	t.Helper()
	r := s.replacer(t)
	if err := r.Finish(t.Context()); err != nil {
		return err
	}
	var left []*v1alpha1.BillingEvent
	for _, e := range s.events(t) {
		if personal.Has(e) && e.Status.Outcome != v1alpha1.OutcomePending {
			left = append(left, e)
		}
	}
	return r.Replace(t.Context(), everyone, left)
}

// The process is killed at each write, before it or after it. No event is lost: it is in the cluster, or its copy is in the
// ConfigMap. The next process brings the erasure to its end, also if Stripe sends an event again in between. Outcomes, dismissals
// and the financial record stay.
func TestAKillAtEveryStepOfAReplacement(t *testing.T) {
	kills := 0
	for _, isDone := range []bool{false, true} {
		for _, isSentAgain := range []bool{false, true} {
			for n := 1; ; n++ {
				s := newAPIServer(t)
				s.record(t, recorded()...)
				before := s.events(t)
				s.killAt, s.isDone = s.writes+n, isDone
				err := s.replaceAll(t)
				wasKilled := s.killed
				s.restart()
				if wasKilled != errors.Is(err, errKilled) {
					t.Fatalf("killed at write %d: %t, but the error is %v", n, wasKilled, err)
				}
				if wasKilled {
					kills++
					checkNothingIsLost(t, s, n)
					if isSentAgain {
						sendAgain(t, s)
					}
					finishAll(t, s)
				}
				checkReplaced(t, s, before)
				if t.Failed() {
					t.Fatalf("killed at write %d (made: %t, sent again: %t)", n, isDone, isSentAgain)
				}
				if !wasKilled {
					break
				}
			}
		}
	}
	if kills < 4*11 { // the ConfigMap twice, and three requests for each event
		t.Errorf("killed %d times only", kills)
	}
}

func checkNothingIsLost(t *testing.T, s *apiServer, n int) {
	t.Helper()
	events, copies := s.events(t), s.intents(t).stored.Data
	for _, e := range recorded() {
		if events[e.Spec.EventID] == nil && copies[e.Name] == "" {
			t.Errorf("killed at write %d: %s is lost", n, e.Spec.EventID)
		}
	}
	checkNothingPersonal(t, "the ConfigMap", copies)
}

// sendAgain records the events that are not there, as the receiver does when Stripe sends them again.
func sendAgain(t *testing.T, s *apiServer) {
	t.Helper()
	present := s.events(t)
	for _, e := range recorded() {
		if present[e.Spec.EventID] != nil {
			continue
		}
		e.Annotations, e.Status = nil, v1alpha1.BillingEventStatus{}
		if err := s.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// finishAll replaces everything. Pending events get an outcome meanwhile, and another one than before.
func finishAll(t *testing.T, s *apiServer) {
	t.Helper()
	for range 5 {
		err := s.replaceAll(t)
		if err == nil {
			return
		}
		if !errors.Is(err, errNotYet) || isFailure(err) {
			t.Fatal(err)
		}
		for _, e := range s.events(t) {
			if e.Status.Outcome == v1alpha1.OutcomePending {
				e.Status = v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeApplied, Attempts: 77}
				if err := s.Status().Update(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Error("the replacements do not end")
}

// checkReplaced compares the events with those before: nothing but the personal data is missing.
func checkReplaced(t *testing.T, s *apiServer, before map[string]*v1alpha1.BillingEvent) {
	t.Helper()
	events := s.events(t)
	checkNothingPersonal(t, "the events", events)
	if left := s.intents(t).stored.Data; len(left) > 0 {
		t.Errorf("intents are left: %v", left)
	}
	if len(events) != len(before) {
		t.Errorf("there are %d events, want %d", len(events), len(before))
	}
	for id, was := range before {
		is := events[id]
		if is == nil {
			t.Errorf("%s is gone", id)
			continue
		}
		if is.UID == was.UID {
			t.Errorf("%s was not replaced", id)
		}
		want := was.DeepCopy()
		want.Status.ErasedAt = &noon
		switch id {
		case "evt_1":
			want.Spec.Customer = &v1alpha1.CustomerRecord{}
		case "evt_2":
			want.Spec.Checkout = &v1alpha1.CheckoutRecord{Mode: "payment", AmountTotal: 900, Currency: "eur"}
		case "evt_3":
			want.Spec.Payment.PaymentMethod = &v1alpha1.PaymentMethod{ID: "pm_1"}
			want.Annotations = map[string]string{v1alpha1.AnnotationDismissed: "grace@kite.example: 2026-11-29T01:20:00Z " +
				"(the reason was erased with the customer's personal data)"}
		}
		ignore := cmpopts.IgnoreFields(metav1.ObjectMeta{}, "UID", "ResourceVersion")
		if diff := cmp.Diff(want, is, ignore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
		if is.IsDismissed() != was.IsDismissed() {
			t.Errorf("%s is dismissed: %t", id, is.IsDismissed())
		}
	}
}

func checkNothingPersonal(t *testing.T, where string, object any) {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	for _, personal := range personalTexts {
		if strings.Contains(strings.ReplaceAll(string(text), "cus_Ada", ""), personal) {
			t.Errorf("%s: %q is left", where, personal)
		}
	}
}

// An event that changes after it was copied, as by a retry, is left alone: its copy is out of date.
func TestAnEventThatChangesIsCopiedAnew(t *testing.T) {
	s := newAPIServer(t)
	s.record(t, recorded()[0])
	stale := s.events(t)["evt_1"]
	changed := stale.DeepCopy()
	changed.Status.Message = "It was tried again."
	if err := s.Status().Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	err := s.replacer(t).Replace(t.Context(), everyone, []*v1alpha1.BillingEvent{stale})
	if !errors.Is(err, errNotYet) || isFailure(err) {
		t.Errorf("the error is %v", err)
	}
	if e := s.events(t)["evt_1"]; e == nil || e.UID != stale.UID || !personal.Has(e) {
		t.Errorf("the event is %v", e)
	}
	if err := s.replaceAll(t); err != nil {
		t.Fatal(err)
	}
	if e := s.events(t)["evt_1"]; e.Status.Message != "It was tried again." || personal.Has(e) {
		t.Errorf("the event is %+v", e.Status)
	}
}

// The API server refuses the copy: the event stays, and the others are replaced.
func TestACopyThatIsRefusedCostsNothing(t *testing.T) {
	s := newAPIServer(t)
	s.record(t, recorded()...)
	r := s.replacer(t)
	r.Client = interceptor.NewClient(s.Client.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if e, isEvent := o.(*v1alpha1.BillingEvent); isEvent && e.Spec.EventID == "evt_2" {
				return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("BillingEvent").GroupKind(), o.GetName(), nil)
			}
			return c.Create(ctx, o, options...)
		},
	})
	var all []*v1alpha1.BillingEvent
	for _, e := range s.events(t) {
		all = append(all, e)
	}
	if err := r.Replace(t.Context(), everyone, all); err == nil || !isFailure(err) {
		t.Errorf("the error is %v", err)
	}
	for id, want := range map[string]bool{"evt_1": false, "evt_2": true, "evt_3": false} {
		if got := personal.Has(s.events(t)[id]); got != want {
			t.Errorf("%s has personal data: %t", id, got)
		}
	}
	if left := s.intents(t).stored.Data; len(left) > 0 {
		t.Errorf("intents are left: %v", left)
	}
}

// The ConfigMap holds a few events at a time, however many there are.
func TestIntentsAreBounded(t *testing.T) {
	stored := &intents{stored: &corev1.ConfigMap{Data: map[string]string{}}}
	var many []intent
	for n := range 100 {
		e := recorded()[0]
		e.Name = fmt.Sprint("evt-", n)
		many = append(many, intent{Copy: erased.Copy(e, noon)})
	}
	if n, err := stored.add(many); n != maxIntents || err != nil {
		t.Errorf("%d were added: %v", n, err)
	}
	const bytes = 200 << 10 // two such copies fit, and three do not
	var large []intent
	for n := range 3 {
		e := recorded()[0]
		e.Name, e.Spec.DecodeError = fmt.Sprint("evt-large-", n), strings.Repeat("x", bytes)
		made := intent{Copy: erased.Copy(e, noon)}
		if text, err := json.Marshal(made); err != nil || len(text) < maxBytes/3 || len(text)+len(e.Name) > maxBytes/2 {
			t.Fatalf("the copy has %d bytes: %v", len(text), err)
		}
		large = append(large, made)
	}
	stored.stored.Data = map[string]string{}
	if n, err := stored.add(large); n != 2 || err != nil {
		t.Errorf("%d large ones were added: %v", n, err)
	}
	huge := recorded()[0]
	huge.Spec.DecodeError = strings.Repeat("x", maxBytes)
	stored.stored.Data = map[string]string{}
	if n, err := stored.add([]intent{{Copy: erased.Copy(huge, noon)}, many[0]}); n != 1 || err != nil {
		t.Errorf("%d were added, of which the first takes all the room: %v", n, err)
	}
}
