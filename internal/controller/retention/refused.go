package retention

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// maxRefused bounds the events of which it is remembered that the API server refuses their deletion. If there are more, nothing is
// archived: the same events would be archived in every run.
const maxRefused = 1000

// forgetAfter is how long an event is remembered that may be gone, while there is no room for another one.
const forgetAfter = 24 * time.Hour

// refusedError says that the API server refuses the deletion of events.
type refusedError struct {
	events  int
	example string
	stops   bool // no other event is deleted either
}

func (e *refusedError) Error() string {
	count := "1 event"
	if e.events != 1 {
		count = fmt.Sprintf("%d events", e.events)
	}
	text := fmt.Sprintf("%s cannot be deleted, such as %s: apply the manifests of this version, or change your policy or webhook", count, e.example)
	if e.stops {
		text += "; no other event is deleted: so many are archived in vain"
	}
	return text
}

// isRefused reports whether the API server has refused the deletion: RBAC, a policy or a webhook forbids it.
func isRefused(err error) bool { return apirejection.Is(err) || apierrors.IsForbidden(err) }

// refusals are the events that may not be deleted, as a policy of the user may have it for a legal hold. They stay, and the others go.
type refusals struct {
	mutex   sync.Mutex
	most    int
	at      map[types.UID]time.Time // when the deletion was refused last
	example string
}

// add remembers the event. It returns an error if there is no room.
func (r *refusals) add(e *v1alpha1.BillingEvent, reason error, now time.Time) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.example = reason.Error()
	_, isKnown := r.at[e.UID]
	if !isKnown && len(r.at) >= r.most {
		r.forget(now.Add(-forgetAfter))
	}
	if !isKnown && len(r.at) >= r.most {
		return &refusedError{events: len(r.at) + 1, example: r.example, stops: true}
	}
	if r.at == nil {
		r.at = map[types.UID]time.Time{}
	}
	r.at[e.UID] = now
	return nil
}

func (r *refusals) has(e *v1alpha1.BillingEvent) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_, isKnown := r.at[e.UID]
	return isKnown
}

// since returns an error if the deletion of events was refused since the time, and forgets the others: they are gone, or stay for
// another reason.
func (r *refusals) since(begin time.Time) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.forget(begin); len(r.at) == 0 {
		return nil
	}
	return &refusedError{events: len(r.at), example: r.example}
}

// forget forgets the events that were refused last before the time.
func (r *refusals) forget(before time.Time) {
	maps.DeleteFunc(r.at, func(_ types.UID, at time.Time) bool { return at.Before(before) })
}

// thatMayBeDeleted are those of the events whose deletion the API server does not refuse, as far as it is known. What may not be
// deleted must not be archived: it would be archived again and again. So it is asked about the first events, until it accepts one, and
// about each event that it has refused before. For example:
//
//	10:00  evt_1, evt_2 and evt_3 are due: evt_1 is accepted, and all are archived; then the deletion of evt_2 is refused
//	11:00  evt_2 and evt_4 are due: evt_2 is refused, evt_4 is accepted, and archived alone
func (r *Retention) thatMayBeDeleted(ctx context.Context, events []v1alpha1.BillingEvent) ([]v1alpha1.BillingEvent, error) {
	var going []v1alpha1.BillingEvent
	for i := range events {
		if e := &events[i]; len(going) == 0 || r.refused.has(e) {
			var isAccepted bool
			var err error
			if ended := r.pace.Do(ctx, func() { isAccepted, err = r.deleteOne(ctx, e, client.DryRunAll) }); ended != nil {
				return nil, ended
			}
			if isRefused(err) {
				err = r.refused.add(e, err, r.Clock.Now())
			}
			if err != nil {
				return nil, err
			}
			if !isAccepted {
				continue
			}
		}
		going = append(going, events[i])
	}
	return going, nil
}
