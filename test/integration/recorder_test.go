package integration

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
)

func newRecorder(t *testing.T) (*recorder.Recorder, *operator) {
	t.Helper()
	namespace, err := cluster.Namespace(t.Context(), "rec-")
	if err != nil {
		t.Fatal(err)
	}
	return &recorder.Recorder{Writer: cluster.Client, Reader: cluster.Client, Namespace: namespace}, &operator{t: t, namespace: namespace}
}

func recordable(id string) *v1alpha1.BillingEventSpec {
	return &v1alpha1.BillingEventSpec{
		EventID: id, Type: "customer.created", Created: metav1.NewTime(time.Now()), PayloadSHA256: strings.Repeat("a", 64),
		CustomerID: "cus_A", Customer: &v1alpha1.CustomerRecord{Email: "ada@example.com"},
	}
}

func TestRecordRecordsOnce(t *testing.T) {
	t.Parallel()
	r, o := newRecorder(t)
	for i, want := range []bool{true, false, false} {
		recorded, err := r.Record(t.Context(), recordable("evt_1"))
		if err != nil || recorded != want {
			t.Errorf("call %d: recorded %t %v, want %t", i+1, recorded, err, want)
		}
	}
	e := o.event("evt_1")
	if e.Labels[v1alpha1.LabelCustomerID] != "cus_A" || e.Labels[v1alpha1.LabelEventType] != "customer.created" {
		t.Errorf("labels are %v", e.Labels)
	}
}

// Ids that differ only in case are different events, and so is the same id of two accounts.
func TestRecordKeepsIDsApart(t *testing.T) {
	t.Parallel()
	r, o := newRecorder(t)
	other := recordable("evt_1A")
	other.Account = "acct_1"
	for _, e := range []*v1alpha1.BillingEventSpec{recordable("evt_1A"), recordable("evt_1a"), other} {
		if recorded, err := r.Record(t.Context(), e); err != nil || !recorded {
			t.Errorf("%s of %q: recorded %t %v", e.EventID, e.Account, recorded, err)
		}
	}
	if got := len(o.events()); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
}

// An object with the same name that records another event is not mistaken for this one.
func TestRecordDoesNotTakeAnotherEventForThisOne(t *testing.T) {
	t.Parallel()
	r, o := newRecorder(t)
	other := &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: naming.Object("", "evt_1")}, Spec: *recordable("evt_other"),
	}
	if err := cluster.Client.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Record(t.Context(), recordable("evt_1")); err == nil || !strings.Contains(err.Error(), "is taken by event evt_other") {
		t.Errorf("want an error that names the other event, got %v", err)
	}
}

// If the API server rejects a field of the record, the recorder records the envelope, and which field was rejected.
func TestRecordKeepsTheEnvelopeOfARefusedRecord(t *testing.T) {
	t.Parallel()
	r, o := newRecorder(t)
	e := recordable("evt_1")
	e.Customer.Email = strings.Repeat("x", 1000)
	if recorded, err := r.Record(t.Context(), e); err != nil || !recorded {
		t.Fatalf("recorded %t %v", recorded, err)
	}
	got := o.event("evt_1").Spec
	if got.Customer != nil || got.CustomerID != "cus_A" || got.DecodeError != "the record could not be stored: the API server refused it because these fields are invalid: spec.customer.email" {
		t.Errorf("recorded as %+v", got)
	}
}

// If a policy of the cluster refuses the record for its content, the recorder stores nothing and returns an error, so
// that Stripe posts the event again. Once the policy is gone the whole event is recorded.
func TestRecordKeepsNothingOfWhatAPolicyRefuses(t *testing.T) {
	t.Parallel()
	r, o := newRecorder(t)
	lift := o.forbid("billingevents", "!has(object.spec.customer) || object.spec.customer.email != 'ada@example.com'")
	o.inForce(func() error {
		return cluster.Client.Create(t.Context(), &v1alpha1.BillingEvent{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, GenerateName: "a-"}, Spec: *recordable("evt_0"),
		}, client.DryRunAll)
	})
	recorded, err := r.Record(t.Context(), recordable("evt_1"))
	if recorded || err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") || strings.Contains(err.Error(), "ada@") {
		t.Errorf("recorded %t %v", recorded, err)
	}
	if got := len(o.events()); got != 0 {
		t.Fatalf("%d events are recorded", got)
	}
	lift()
	o.eventually("the event is recorded", func() string {
		if _, err := r.Record(t.Context(), recordable("evt_1")); err != nil {
			return err.Error()
		}
		return ""
	})
	if got := o.event("evt_1").Spec; got.Customer == nil || got.DecodeError != "" {
		t.Errorf("recorded as %+v", got)
	}
}
