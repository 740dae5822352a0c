package erasure

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// A new leader finds the erased customers about whom an event with personal data was recorded, each once; no other customer.
func TestALeaderLooksForWhatCameAfterAnErasure(t *testing.T) {
	customer := func(id string, isErased bool) *v1alpha1.Customer {
		c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: naming.Object("", id)}, Spec: v1alpha1.CustomerSpec{CustomerID: id}}
		if isErased {
			c.Status.Erasure = &v1alpha1.Erasure{StartedAt: noon, CompletedAt: &noon}
		}
		return c
	}
	e := func(id, customer, email string, outcome v1alpha1.Outcome) *v1alpha1.BillingEvent {
		return &v1alpha1.BillingEvent{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: naming.Object("", id)},
			Spec:       v1alpha1.BillingEventSpec{EventID: id, CustomerID: customer, Customer: &v1alpha1.CustomerRecord{Email: email}},
			Status:     v1alpha1.BillingEventStatus{Outcome: outcome},
		}
	}
	const address, recordedOnly = "ada@kite.example", v1alpha1.OutcomeRecorded
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		objects []client.Object
		want    []string
	}{
		"an event came after the erasure": {[]client.Object{customer("cus_Ada", true), customer("cus_Bob", false), customer("cus_Gus", true),
			e("evt_1", "cus_Ada", address, recordedOnly), e("evt_2", "cus_Ada", address, recordedOnly), e("evt_3", "cus_Bob", address, recordedOnly),
			e("evt_4", "cus_Gus", "", recordedOnly), e("evt_5", "", address, recordedOnly)}, []string{naming.Object("", "cus_Ada")}},
		"no customer is erased":   {[]client.Object{customer("cus_Bob", false), e("evt_3", "cus_Bob", address, recordedOnly)}, nil},
		"the status shows others": {[]client.Object{customer("cus_Ada", true), e("evt_1", "cus_Ada", address, v1alpha1.OutcomeApplied)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(tc.objects...).
				WithIndex(&v1alpha1.Customer{}, routing.ByErasure, routing.ErasuresOf).WithIndex(&v1alpha1.BillingEvent{}, v1alpha1.FieldOutcome,
				func(o client.Object) []string { return []string{string(o.(*v1alpha1.BillingEvent).Status.Outcome)} }).Build()
			r := &Reconciler{Client: c, Reader: c, Clock: clock.RealClock{}, Replacer: &Replacer{Namespace: namespace}, wake: make(chan event.GenericEvent, 10)}
			if err := r.lookForLate(t.Context()); err != nil {
				t.Fatal(err)
			}
			close(r.wake)
			var got []string
			for woken := range r.wake {
				if !r.open.takeLate(client.ObjectKeyFromObject(woken.Object)) {
					t.Errorf("%s is not noted", woken.Object.GetName())
				}
				got = append(got, woken.Object.GetName())
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// slowPages are a list of events in three pages, which take a second, a minute and two seconds. The token of the third expires.
type slowPages struct {
	client.Reader
	asked []string // the tokens
}

func (p *slowPages) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options).Continue
	p.asked = append(p.asked, asked)
	next := map[string]struct {
		took time.Duration
		next string
	}{"": {time.Second, "second"}, "second": {time.Minute, "third"}, "anew": {2 * time.Second, ""}}
	if asked == "third" {
		expired := apierrors.NewResourceExpired("the token has expired")
		expired.ErrStatus.Continue = "anew"
		return expired
	}
	<-time.After(next[asked].took)
	list.SetContinue(next[asked].next)
	return nil
}

// A new leader pauses between the pages, and goes on although a token expires meanwhile.
func TestALeaderLooksSlowly(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	ada := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ada"}, Status: v1alpha1.CustomerStatus{Erasure: &v1alpha1.Erasure{}}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(ada).WithIndex(&v1alpha1.Customer{}, routing.ByErasure, routing.ErasuresOf).Build()
	synctest.Test(t, func(t *testing.T) {
		p := &slowPages{}
		r := &Reconciler{Client: c, Reader: p, Clock: clock.RealClock{}, Replacer: &Replacer{Namespace: namespace}}
		begin := time.Now()
		if err := r.lookForLate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"", "second", "third", "anew"}, p.asked); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
		if took, want := time.Since(begin), (1+4+60+10+2+8)*time.Second; took != want {
			t.Errorf("it took %s, want %s", took, want)
		}
	})
}
