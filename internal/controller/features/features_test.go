package features

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type source struct {
	mutex sync.Mutex
	asked int
	uses  bool
	err   error
}

func (s *source) UsesEntitlements(context.Context, string) (bool, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked++
	return s.uses, s.err
}

// Stripe is asked once an hour about an account, whatever the number of customers. A refusal counts for a minute, and is
// logged once.
func TestStripeIsAskedOnceAnHour(t *testing.T) {
	for name, tc := range map[string]struct {
		source *source
		want   bool
		hours  int // how often it is asked in two hours, a minute apart
		logged int
		failed bool
	}{
		"it uses them":    {&source{uses: true}, true, 2, 0, false},
		"it does not":     {&source{}, false, 2, 0, false},
		"the key may not": {&source{err: fmt.Errorf("list: %w", stripeapi.ErrRefused)}, false, 120, 1, false},
		"it has no list":  {&source{err: fmt.Errorf("list: %w", stripeapi.ErrNotFound)}, false, 120, 1, false},
		"Stripe is down":  {&source{err: errors.New("500")}, false, 240, 0, true}, // the caller backs off
	} {
		t.Run(name, func(t *testing.T) {
			logged := 0
			clock := testingclock.NewFakePassiveClock(noon)
			a := NewAccounts(tc.source, clock, funcr.New(func(string, string) { logged++ }, funcr.Options{}))
			for minute := range 120 {
				clock.SetTime(noon.Add(time.Duration(minute) * time.Minute))
				for range 2 {
					got, err := a.Uses(t.Context(), "acct_1")
					if got != tc.want || (err != nil) != tc.failed {
						t.Fatalf("got %t and %v, want %t", got, err, tc.want)
					}
				}
			}
			if tc.source.asked != tc.hours || logged != tc.logged {
				t.Errorf("asked %d times, logged %d times; want %d and %d", tc.source.asked, logged, tc.hours, tc.logged)
			}
		})
	}
}

// An API that does not answer holds up nothing else that is read of a customer.
func TestMayHaveHoldsUpNothing(t *testing.T) {
	a := NewAccounts(&source{err: errors.New("500")}, testingclock.NewFakePassiveClock(noon), funcr.New(func(string, string) {}, funcr.Options{}))
	if got, err := a.MayHave(t.Context(), &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}); got || err != nil {
		t.Errorf("got %t and %v, want false", got, err)
	}
}

// Which customers may have features, in an account that uses Entitlements and in one that does not.
func TestMayHave(t *testing.T) {
	known := map[string]v1alpha1.Position{"features": {EventID: "evt_1"}}
	cut := map[string]v1alpha1.Position{"cutFeatures": {EventID: "evt_1"}}
	for name, tc := range map[string]struct {
		id     string
		status v1alpha1.CustomerStatus
		want   [2]bool
	}{
		"nothing is known":    {"cus_A", v1alpha1.CustomerStatus{}, [2]bool{true, false}},
		"some were known":     {"cus_A", v1alpha1.CustomerStatus{Positions: known}, [2]bool{true, true}},
		"a cut list is known": {"cus_A", v1alpha1.CustomerStatus{Positions: cut}, [2]bool{true, true}},
		"it is an Account":    {"acct_A", v1alpha1.CustomerStatus{Positions: known}, [2]bool{}},
		"it is deleted":       {"cus_A", v1alpha1.CustomerStatus{Positions: known, DeletedAt: &metav1.Time{Time: noon}}, [2]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, uses := range []bool{true, false} {
				a := NewAccounts(&source{uses: uses}, testingclock.NewFakePassiveClock(noon), funcr.New(func(string, string) {}, funcr.Options{}))
				customer := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: tc.id}, Status: tc.status}
				if got, err := a.MayHave(t.Context(), customer); got != tc.want[i] || err != nil {
					t.Errorf("uses %t: got %t and %v, want %t", uses, got, err, tc.want[i])
				}
			}
		})
	}
}
