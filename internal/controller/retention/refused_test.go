package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// hold is a webhook of the user that refuses the deletion of some events.
type hold struct {
	held  map[types.UID]bool
	code  int32
	asked int // dry runs
}

func (h *hold) funcs() interceptor.Funcs {
	return interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if (&client.DeleteOptions{}).ApplyOptions(options).DryRun != nil {
				h.asked++
			}
			if h.held[o.GetUID()] {
				return &apierrors.StatusError{ErrStatus: metav1.Status{
					Status: metav1.StatusFailure, Code: h.code, Reason: reasons[h.code],
					Message: `admission webhook "validate.kyverno.svc" denied the request: legal hold of ada@kite.example`,
				}}
			}
			return c.Delete(ctx, o, options...)
		},
	}
}

var reasons = map[int32]metav1.StatusReason{
	400: "", 403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound, 409: metav1.StatusReasonConflict, 422: metav1.StatusReasonInvalid,
}

// The user forbids the deletion of an event. The others go, it is not archived again, and the ConfigMap names it. Once it may be
// deleted, it goes as well.
func TestOneUndeletableEventStopsNoOther(t *testing.T) {
	for code := range reasons {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			h := &hold{held: map[types.UID]bool{"evt_1": true}, code: code}
			m := &memory{}
			r, c := bench(t, m, h.funcs())
			r.BatchSize = 3
			for run := range 3 {
				_, err := r.run(t.Context())
				if causeOf(err) != causeRefused || stops(err) || !slices.Equal(left(t, c), []string{"evt_1", "evt_3"}) || len(m.batches) != 1 {
					t.Fatalf("after run %d %v are left, and the archive has %d batches: %v", run, left(t, c), len(m.batches), err)
				}
				r.succeed(t.Context(), err)
				r.Clock.(*testingclock.FakeClock).Step(interval)
			}
			state, err := r.Head.Load(t.Context())
			const want = "1 event cannot be deleted, such as BillingEvent evt-1-"
			if err != nil || !strings.HasPrefix(state.Problem, want) || !strings.Contains(state.Problem, `because admission webhook "validate.kyverno.svc" denied it`) ||
				strings.Contains(state.Problem, "ada@") || r.Phase() != "Failing-refused" {
				t.Errorf("the problem is %q, and the phase %s, %v", state.Problem, r.Phase(), err)
			}
			h.held = nil
			if _, err := r.run(t.Context()); err != nil || !slices.Equal(left(t, c), []string{"evt_3"}) || len(m.batches) != 2 || len(r.refused.at) != 0 {
				t.Errorf("once it may go, %v are left, %d batches, %d refused: %v", left(t, c), len(m.batches), len(r.refused.at), err)
			}
		})
	}
}

// A new leader finds the events that may not be deleted before all others: it asks about each, and goes on after them.
func TestTheOldestEventsMayNotBeDeleted(t *testing.T) {
	h := &hold{held: map[types.UID]bool{"evt_0": true, "evt_1": true}, code: 422}
	m := &memory{}
	r, c := bench(t, m, h.funcs())
	if _, err := r.run(t.Context()); stops(err) || !slices.Equal(left(t, c), []string{"evt_0", "evt_1", "evt_3"}) || len(m.batches) != 1 {
		t.Errorf("left are %v, %d batches, %v", left(t, c), len(m.batches), err)
	}
	if h.asked != 3 {
		t.Errorf("the API server was asked %d times", h.asked)
	}
}

// If there is no room to remember what may not be deleted, the API server is asked about every event: none of these is archived in
// vain, and the others go. The oldest one may be deleted, so that it is asked about the others for no other reason.
func TestRefusalsAreBounded(t *testing.T) {
	h := &hold{held: map[types.UID]bool{"evt_1": true, "evt_2": true}, code: 403}
	m := &memory{}
	r, c := bench(t, m, h.funcs())
	r.refused.most = 1
	for range 2 {
		r.refused.at = map[types.UID]time.Time{"evt_other": r.Clock.Now().Add(-interval)}
		_, err := r.run(t.Context())
		if stops(err) || !slices.Equal(left(t, c), []string{"evt_1", "evt_2", "evt_3"}) || m.events() != 1 || len(r.refused.at) > 1 {
			t.Fatalf("left are %v, %d events were archived, %d are remembered: %v", left(t, c), m.events(), len(r.refused.at), err)
		}
		if want := "2 events cannot be deleted, such as BillingEvent evt-1-"; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the problem is %q", err)
		}
		r.Clock.(*testingclock.FakeClock).Step(interval)
	}
}

// Without the right to delete events, no event is asked about after the first one.
func TestWithoutTheRightToDelete(t *testing.T) {
	asked := 0
	r, c := bench(t, &memory{}, interceptor.Funcs{
		Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
			asked++
			return apierrors.NewForbidden(schema.GroupResource{Resource: "billingevents"}, "evt", errors.New("RBAC"))
		},
	})
	if _, err := r.run(t.Context()); causeOf(err) != causeRefused || !stops(err) || asked != 1 || len(left(t, c)) != 4 {
		t.Errorf("asked %d times, left are %v, %v", asked, left(t, c), err)
	}
}

// What is no refusal ends the run: a webhook that cannot be called, or an API server that is down.
func TestOtherErrorsOfADeletionEndTheRun(t *testing.T) {
	for name, failure := range map[string]error{
		"a webhook cannot be called": apierrors.NewInternalError(fmt.Errorf(`failed calling webhook "validate.kyverno.svc": timeout`)),
		"too many requests":          apierrors.NewTooManyRequests("later", 1),
		"unauthorized":               apierrors.NewUnauthorized("expired"),
		"it is down":                 apierrors.NewServerTimeout(schema.GroupResource{Resource: "billingevents"}, "delete", 1),
	} {
		r, c := bench(t, &memory{}, interceptor.Funcs{
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
				if o.GetUID() == "evt_1" {
					return failure
				}
				return c.Delete(ctx, o, options...)
			},
		})
		if _, err := r.run(t.Context()); causeOf(err) != causeCluster || !slices.Contains(left(t, c), "evt_2") || len(r.refused.at) > 0 {
			t.Errorf("%s: left are %v, %v", name, left(t, c), err)
		}
	}
}
