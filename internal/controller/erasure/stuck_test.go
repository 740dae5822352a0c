package erasure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// refuses has the API server refuse requests for some events.
func refuses(s *apiServer, create, remove func(id string) bool) client.Client {
	refusal := func(o client.Object, isRefused func(string) bool) error {
		if e, isEvent := o.(*v1alpha1.BillingEvent); isEvent && isRefused != nil && isRefused(e.Spec.EventID) {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "billingevents"}, o.GetName(), errors.New("a policy"))
		}
		return nil
	}
	return interceptor.NewClient(s.Client.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if err := refusal(o, create); err != nil {
				return err
			}
			return c.Create(ctx, o, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if err := refusal(o, remove); err != nil {
				return err
			}
			return c.Delete(ctx, o, options...)
		},
	})
}

func is(id string) func(string) bool { return func(other string) bool { return other == id } }

// The copy of an event was refused after the event was deleted, as when a CRD was tightened between two requests: it stays in the
// ConfigMap, and its customer's erasure fails. The erasure of another customer does not.
func TestAStuckIntentStopsNoOtherCustomer(t *testing.T) {
	s := newAPIServer(t)
	bob := recorded()[0]
	bob.Name, bob.Spec.EventID, bob.Spec.CustomerID = naming.Object("", "evt_Bob"), "evt_Bob", "cus_Bob"
	s.record(t, append(recorded(), bob)...)
	r := s.replacer(t)
	stored := s.intents(t)
	made, err := r.intentOf(t.Context(), s.events(t)["evt_Bob"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stored.add([]intent{*made}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stored.save(t.Context()), s.Delete(t.Context(), bob)); err != nil {
		t.Fatal(err)
	}
	r.Client = refuses(s, is("evt_Bob"), nil)
	if err := r.Finish(t.Context()); err == nil {
		t.Error("a leader does not report the intent at its start")
	}

	isOurs := ownerOf(&v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}})
	var own []*v1alpha1.BillingEvent
	for _, e := range s.events(t) {
		own = append(own, e)
	}
	if err := errors.Join(r.finishBegun(t.Context(), isOurs), r.Replace(t.Context(), isOurs, own)); err != nil {
		t.Errorf("the other customer's erasure fails: %v", err)
	}
	for id, e := range s.events(t) {
		if personal.Has(e) {
			t.Errorf("%s has personal data", id)
		}
	}
	if left := s.intents(t).names(); !slices.Equal(left, []string{bob.Name}) {
		t.Errorf("the intents are %v", left)
	}
	isBobs := ownerOf(&v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Bob"}})
	if err := r.finishBegun(t.Context(), isBobs); err == nil || !strings.Contains(err.Error(), bob.Name) {
		t.Errorf("the customer's own erasure: %v", err)
	}
	r.Client = s
	if err := r.finishBegun(t.Context(), isBobs); err != nil || s.events(t)["evt_Bob"] == nil {
		t.Errorf("once the copy is accepted: %v", err)
	}
}

// An event that cannot be replaced leaves no intent behind while it is there itself. However many there are, the others have room.
func TestAnEventThatStaysTakesNoRoom(t *testing.T) {
	for name, tc := range map[string]struct {
		create, remove func(string) bool
		finalizer      bool
		dismissal      string
	}{
		"its copy is refused":     {create: func(id string) bool { return id != "evt_2" }},
		"its deletion is refused": {remove: func(id string) bool { return id != "evt_2" }},
		"it has a finalizer":      {finalizer: true},
		"its status is not valid": {dismissal: strings.Repeat("u", 250) + ": x"}, // without its reason it is longer
	} {
		t.Run(name, func(t *testing.T) {
			s := newAPIServer(t)
			var all []*v1alpha1.BillingEvent
			for n := range 2 * maxIntents {
				e := recorded()[n%2*2] // an applied one, and a failed one
				e.Name, e.Spec.EventID, e.Status.EndedDismissal = fmt.Sprint("evt-", n), fmt.Sprint("evt_more", n), tc.dismissal
				if tc.finalizer {
					e.Finalizers = []string{"example.com/hold"}
				}
				all = append(all, e)
			}
			all = append(all, recorded()[1])
			s.record(t, all...)
			r := s.replacer(t)
			r.Client = refuses(s, tc.create, tc.remove)
			for range 2 {
				var left []*v1alpha1.BillingEvent
				for _, e := range s.events(t) {
					if personal.Has(e) {
						left = append(left, e)
					}
				}
				if err := r.Replace(t.Context(), everyone, left); !isFailure(err) || errors.Is(err, errFull) || len(err.Error()) > 10_000 {
					t.Errorf("the error is %.1000v", err)
				}
			}
			if left := s.intents(t).names(); len(left) > 0 {
				t.Errorf("intents are left: %v", left)
			}
			for id, e := range s.events(t) {
				if want := id != "evt_2"; personal.Has(e) != want {
					t.Errorf("%s has personal data: %t", id, !want)
				}
			}
			if got := len(s.events(t)); got != len(all) {
				t.Errorf("there are %d events, want %d", got, len(all))
			}
		})
	}
}
