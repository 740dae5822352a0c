package notify

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/delivered"
	"github.com/tollkeeper/tollkeeper/internal/notice"
	"github.com/tollkeeper/tollkeeper/internal/sink"
)

// sinkFunc is a Sink.
type sinkFunc func(id string) error

func (f sinkFunc) Send(_ context.Context, id string, _ []byte) error { return f(id) }

// changed is the customer whose state changed some time after noon.
func changed(after time.Duration) *v1alpha1.Customer {
	c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ada", UID: "uid"}}
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: "True", LastTransitionTime: metav1.NewTime(noon)}}
	c.Status.ChangedAt = new(metav1.NewMicroTime(noon.Add(after)))
	return c
}

type setting struct {
	*Reconciler
	clock *clocktesting.FakePassiveClock
	sent  []string
	fail  error
}

// set makes a Reconciler. The cache and the API server hold one customer each.
func set(t *testing.T, cached, stored *v1alpha1.Customer) *setting {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	holding := func(c *v1alpha1.Customer) client.Client {
		return fake.NewClientBuilder().WithScheme(scheme).WithObjects(c).WithStatusSubresource(c).Build()
	}
	s := &setting{clock: clocktesting.NewFakePassiveClock(noon)}
	s.Reconciler = New(Options{
		Client: holding(cached), Reader: holding(stored), SinkID: "sink", Delivered: delivered.NewMailbox(), Clock: s.clock,
		Limit: rate.NewLimiter(rate.Inf, 1), Backoff: DefaultBackoff,
		Sink: sinkFunc(func(id string) error { s.sent = append(s.sent, id); return s.fail }),
	})
	return s
}

// reconcile returns when to reconcile again.
func (s *setting) reconcile(t *testing.T) time.Duration {
	t.Helper()
	result, err := s.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "ada"}})
	if err != nil {
		t.Fatal(err)
	}
	return result.RequeueAfter
}

func (s *setting) hasSent(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// What the sink has accepted is sent no more, also before it is noted in the status. Another Customer of the name is.
func TestAStateIsSentOnce(t *testing.T) {
	c := changed(time.Second)
	s := set(t, c, c)
	s.reconcile(t)
	s.reconcile(t)
	s.hasSent(t, "uid-1773144001000000")
	want := &v1alpha1.Notified{ChangedAt: *c.Status.ChangedAt, At: metav1.NewTime(noon), Sink: "sink"}
	if diff := cmp.Diff(want, s.Delivered.Peek(c)); diff != "" {
		t.Errorf("note (-want +got):\n%s", diff)
	}
	again := c.DeepCopy()
	again.UID = "another"
	if got := s.Delivered.Peek(again); got != nil {
		t.Errorf("a Customer that was made again is noted as %v", got)
	}
	s.Delivered.Remove(c) // its status does not show the note yet
	if s.Delivered.Peek(c) == nil {
		t.Error("the note is lost")
	}
	c.Status.Notified = want
	s.Delivered.Remove(c)
	if got := s.Delivered.Peek(c); got != nil {
		t.Errorf("the written note %v stays", got)
	}
}

// The cache shows what another leader has replaced: the present state is sent, or nothing if that leader has sent it.
func TestAnOlderStateFollowsNoNewerOne(t *testing.T) {
	s := set(t, changed(time.Second), changed(time.Minute))
	s.reconcile(t)
	s.hasSent(t, "uid-1773144060000000")

	sent := changed(time.Minute)
	sent.Status.Notified = notice.Accepted(sent, "sink", noon)
	s = set(t, changed(time.Second), sent)
	s.reconcile(t)
	s.hasSent(t)
}

func TestAFailureIsRetried(t *testing.T) {
	c := changed(time.Second)
	s := set(t, c, c)
	for name, tc := range map[string]struct {
		fail error
		want time.Duration
	}{
		"refused":     {&sink.RefusedError{Code: 410}, time.Minute},
		"unavailable": {&sink.UnavailableError{Code: 503, RetryAfter: 2 * time.Second}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s.sent, s.fail, s.attempts = nil, tc.fail, *newAttempts()
			if got := s.reconcile(t); got != tc.want {
				t.Errorf("reconciled again after %s, want %s", got, tc.want)
			}
			if got := s.reconcile(t); got != tc.want || len(s.sent) != 1 {
				t.Errorf("before its time: sent %d times, waits %s", len(s.sent), got)
			}
			s.fail = nil
			s.clock.SetTime(s.clock.Now().Add(tc.want))
			s.reconcile(t)
			s.hasSent(t, "uid-1773144001000000", "uid-1773144001000000")
			s.Delivered.Drop(client.ObjectKeyFromObject(c))
		})
	}
}

func TestACustomerThatIsDeletedIsNotSent(t *testing.T) {
	c := changed(time.Second)
	c.Finalizers, c.DeletionTimestamp = []string{"example.com/tenant"}, new(metav1.NewTime(noon))
	s := set(t, c, c)
	s.reconcile(t)
	s.hasSent(t)
}
