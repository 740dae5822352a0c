package retention

import (
	"context"
	"fmt"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// requests counts how events are read. stale are those whose answer may be of any age.
type requests struct{ gets, lists, stale int }

func (q *requests) funcs() interceptor.Funcs {
	return interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if _, isEvent := o.(*v1alpha1.BillingEvent); isEvent {
				q.gets++
				var asked client.GetOptions
				if asked.ApplyOptions(options); asked.AsGetOptions().ResourceVersion != "" {
					q.stale++
				}
			}
			return c.Get(ctx, key, o, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, isEvents := list.(*v1alpha1.BillingEventList); isEvents {
				q.lists++
			}
			return c.List(ctx, list, options...)
		},
	}
}

// If many of all events are due, they are listed; if few are, each is read by itself. Either way the same events go.
func TestTheCheaperWayToRead(t *testing.T) {
	for name, tc := range map[string]struct {
		young int // further events, which are not due
		want  requests
	}{
		"many are due": {0, requests{lists: 1}},
		"few are due":  {3 * getPrice, requests{gets: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var q requests
			r, c := bench(t, &memory{}, q.funcs())
			listed := r.Rows.(pages)
			for i := range tc.young {
				listed[0] = append(listed[0], aged(fmt.Sprintf("evt_young%d", i), day))
			}
			if _, err := r.run(t.Context()); err != nil || q != tc.want {
				t.Errorf("the requests are %+v, want %+v; %v", q, tc.want, err)
			}
			if got := left(t, c); !slices.Equal(got, []string{"evt_3"}) {
				t.Errorf("left are %v", got)
			}
		})
	}
}

// What a list holds is bounded: the oldest events go first, and the next run finds the others.
func TestWhatAListHoldsIsBounded(t *testing.T) {
	r, c := bench(t, &memory{}, interceptor.Funcs{})
	r.MaxHeld = 1 // room for one event
	for _, want := range [][]string{{"evt_1", "evt_2", "evt_3"}, {"evt_2", "evt_3"}} {
		isMoreLeft, err := r.run(t.Context())
		if got := left(t, c); err != nil || !isMoreLeft || !slices.Equal(got, want) {
			t.Fatalf("left are %v, want %v; more is left: %t, %v", got, want, isMoreLeft, err)
		}
		r.Rows.(pages)[0] = r.Rows.(pages)[0][1:]
	}
	if isMoreLeft, err := r.run(t.Context()); err != nil || isMoreLeft || !slices.Equal(left(t, c), []string{"evt_3"}) {
		t.Errorf("left are %v, more is left: %t, %v", left(t, c), isMoreLeft, err)
	}
}

func TestHeld(t *testing.T) {
	rows := []row{aged("evt_0", 60*day), aged("evt_1", 50*day), aged("evt_2", 46*day)}
	event := func(i int) *v1alpha1.BillingEvent {
		e := old(nil)
		e.Name, e.Spec.EventID, e.ResourceVersion = rows[i].name(), rows[i].EventID, "7"
		e.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "tollkeeper"}}
		return e
	}
	h := newHeld(rows, 1<<20)
	other := old(nil)
	other.Name = "evt-other"
	for _, e := range []*v1alpha1.BillingEvent{event(2), other, event(0), event(0)} {
		if err := h.add(e); err != nil {
			t.Fatal(err)
		}
	}
	if size := len(h.texts[0]) + len(h.texts[2]); h.size != size {
		t.Errorf("%d bytes are counted, and %d held", h.size, size)
	}
	for _, want := range [][]string{{"evt_0", "evt_2"}, nil} { // once each; evt_1 has gone meanwhile
		events, err := h.get(t.Context(), rows)
		var got []string
		for i := range events {
			got = append(got, events[i].Spec.EventID)
			if events[i].ResourceVersion != "7" || events[i].ManagedFields != nil {
				t.Errorf("held is %+v", events[i].ObjectMeta)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, want %v; %v", got, want, err)
		}
	}
}

// A list whose token has expired goes on.
func TestAListThatExpiresGoesOn(t *testing.T) {
	isExpired, went := false, ""
	r, c := bench(t, &memory{}, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, isEvents := list.(*v1alpha1.BillingEventList); isEvents && !isExpired {
				isExpired = true
				err := apierrors.NewResourceExpired("too old")
				err.ErrStatus.Continue = "anew"
				return err
			}
			var asked client.ListOptions
			asked.ApplyOptions(options)
			if asked.Continue != "" {
				went = asked.Continue
			}
			return c.List(ctx, list, options...)
		},
	})
	if _, err := r.run(t.Context()); err != nil || went != "anew" || !slices.Equal(left(t, c), []string{"evt_3"}) {
		t.Errorf("left are %v, went on with %q, %v", left(t, c), went, err)
	}
}
