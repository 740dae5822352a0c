package erasure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
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
	asked := 0 // requests for the other customer's event
	r.Client = refuses(s, func(id string) bool {
		if id == "evt_Bob" {
			asked++
		}
		return id == "evt_Bob"
	}, nil)
	if err := r.Finish(t.Context()); err == nil {
		t.Error("a leader does not report the intent at its start")
	}

	asked = 0
	isOurs := ownerOf(&v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}})
	var own []*v1alpha1.BillingEvent
	for _, e := range s.events(t) {
		own = append(own, e)
	}
	if err := errors.Join(r.finishBegun(t.Context(), isOurs), r.Replace(t.Context(), isOurs, own)); err != nil {
		t.Errorf("the other customer's erasure fails: %v", err)
	}
	if asked > 0 {
		t.Errorf("the other customer's erasure has tried the intent %d times", asked)
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
				if says := e.Status.ErasedAt != nil; says == personal.Has(e) {
					t.Errorf("%s has personal data: %t, and says that it is erased: %t", id, says, says)
				}
			}
			if got := len(s.events(t)); got != len(all) {
				t.Errorf("there are %d events, want %d", got, len(all))
			}
		})
	}
}

// A failed event is marked as erased before it is deleted. If its deletion is refused, it does not keep the mark.
func TestAHeldEventDoesNotKeepItsMark(t *testing.T) {
	for name, tc := range map[string]struct {
		uid         types.UID // of the intent; empty for that of the event itself
		isRefused   bool      // to take the mark back, at first
		wantIntents int
	}{
		"an earlier attempt has marked it":  {},
		"the mark cannot be taken back yet": {isRefused: true},
		"it was recorded again":             {uid: "uid-before", wantIntents: 1}, // the intent has the outcome that the event had before
	} {
		t.Run(name, func(t *testing.T) {
			s := newAPIServer(t)
			s.record(t, recorded()[2])
			e := s.events(t)["evt_3"]
			r, stored := s.replacer(t), s.intents(t)
			made, err := r.intentOf(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if tc.uid != "" {
				made.UID = tc.uid
			}
			if _, err := stored.add([]intent{*made}); err != nil {
				t.Fatal(err)
			}
			e.Status.ErasedAt = &noon
			if err := errors.Join(stored.save(t.Context()), s.Status().Update(t.Context(), e)); err != nil {
				t.Fatal(err)
			}
			isRefused := tc.isRefused
			r.Client = interceptor.NewClient(refuses(s, nil, is("evt_3")).(client.WithWatch), interceptor.Funcs{
				SubResourceUpdate: func(
					ctx context.Context, c client.Client, sub string, o client.Object, options ...client.SubResourceUpdateOption,
				) error {
					if isRefused {
						return apierrors.NewForbidden(schema.GroupResource{Resource: "billingevents"}, o.GetName(), errors.New("a policy"))
					}
					return c.SubResource(sub).Update(ctx, o, options...)
				},
			})
			if tc.isRefused {
				if err := r.Finish(t.Context()); err == nil || len(s.intents(t).names()) != 1 {
					t.Errorf("the error is %v, and the intents are %v", err, s.intents(t).names())
				}
				isRefused = false
			}
			if err := r.Finish(t.Context()); err == nil || errors.Is(err, errStays) != (tc.wantIntents == 0) {
				t.Errorf("the error is %v", err)
			}
			if got := s.intents(t).names(); len(got) != tc.wantIntents {
				t.Errorf("the intents are %v", got)
			}
			if e := s.events(t)["evt_3"]; e.Status.ErasedAt != nil || !personal.Has(e) || !e.IsDismissed() {
				t.Errorf("the event is %+v", e.Status)
			}
		})
	}
}

// The Customer of an intent is gone: the event comes back all the same.
func TestTheIntentsOfAGoneCustomerAreFinished(t *testing.T) {
	b := newBench(t)
	bob := recorded()[0]
	bob.Name, bob.Spec.EventID, bob.Spec.CustomerID = naming.Object("", "evt_Bob"), "evt_Bob", "cus_Bob"
	var added []intent
	for _, e := range append(recorded(), bob) {
		made, err := b.Replacer.intentOf(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		added = append(added, *made)
	}
	stored, err := loadIntents(t.Context(), b.cluster, b.cluster, namespace)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stored.add(added); err != nil {
		t.Fatal(err)
	}
	if err := stored.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Replacer.Client = interceptor.NewClient(b.cluster, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if o.SetUID(types.UID("copy-of-" + o.GetName())); o.GetName() == bob.Name {
				t.Error("the event of another customer is created")
			}
			return c.Create(ctx, o, options...)
		},
	})
	b.reconcile(t)
	var list v1alpha1.BillingEventList
	if err := b.cluster.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	if got, want := len(list.Items), len(recorded()); got != want {
		t.Errorf("there are %d events, want %d", got, want)
	}
	if stored, err = loadIntents(t.Context(), b.cluster, b.cluster, namespace); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{bob.Name}, stored.names()); diff != "" {
		t.Errorf("the intents (-want +got):\n%s", diff)
	}
}
