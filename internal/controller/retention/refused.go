package retention

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// maxRefused bounds the events of which it is remembered that the API server refuses their deletion. While there are as many, it is
// asked about every event.
const maxRefused = 1000

// errForbidden says that the operator has no right to delete events.
var errForbidden = errors.New("the operator may not delete BillingEvents: apply the roles of this version")

// refusedError says that the API server refuses the deletion of some events. The others were deleted.
type refusedError struct {
	events  int
	example string
}

func (e *refusedError) Error() string {
	count := "1 event"
	if e.events != 1 {
		count = fmt.Sprintf("%d events", e.events)
	}
	return fmt.Sprintf("%s cannot be deleted, such as %s: apply the manifests of this version, or change your policy or webhook", count, e.example)
}

// refusals are the events that a policy or a webhook keeps from being deleted, as the user may have it for a legal hold. They stay, and
// the others go.
type refusals struct {
	mutex   sync.Mutex
	most    int
	at      map[types.UID]time.Time // when the deletion was refused last
	more    int                     // how many were refused in this run for which there was no room
	example string                  // of this run: the first by name
}

// begin begins a run.
func (r *refusals) begin() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.more, r.example = 0, ""
}

// add remembers the event, if there is room.
func (r *refusals) add(e *v1alpha1.BillingEvent, reason error, now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if text := reason.Error(); r.example == "" || text < r.example {
		r.example = text
	}
	if _, isKnown := r.at[e.UID]; !isKnown && len(r.at) >= r.most {
		r.more++
		return
	}
	if r.at == nil {
		r.at = map[types.UID]time.Time{}
	}
	r.at[e.UID] = now
}

// mayHave reports whether the deletion of the event may have been refused before.
func (r *refusals) mayHave(e *v1alpha1.BillingEvent) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_, isKnown := r.at[e.UID]
	return isKnown || len(r.at) >= r.most
}

// since returns an error if the deletion of events was refused since the time, when the run began. It forgets the others: they are
// gone, or stay for another reason.
func (r *refusals) since(begin time.Time) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	maps.DeleteFunc(r.at, func(_ types.UID, at time.Time) bool { return at.Before(begin) })
	if n := len(r.at) + r.more; n > 0 {
		return &refusedError{events: n, example: r.example}
	}
	return nil
}

// thatMayBeDeleted are those of the events whose deletion the API server does not refuse, as far as it is known. What may not be
// deleted must not be archived: it would be archived again and again. So it is asked about the first events, until it accepts one, and
// about each event that it may have refused before. A new leader does not know which: it may archive each of these once more. For
// example:
//
//	10:00  evt_1, evt_2 and evt_3 are due: evt_1 is accepted, and all are archived; then the deletion of evt_2 is refused
//	11:00  evt_2 and evt_4 are due: evt_2 is refused, evt_4 is accepted, and archived alone
func (r *Retention) thatMayBeDeleted(ctx context.Context, events []v1alpha1.BillingEvent) ([]v1alpha1.BillingEvent, error) {
	var going []v1alpha1.BillingEvent
	for i := range events {
		if e := &events[i]; len(going) == 0 || r.refused.mayHave(e) {
			var isAccepted bool
			var err error
			if ended := r.pace.Do(ctx, func() { isAccepted, err = r.deleteOne(ctx, e, client.DryRunAll) }); ended != nil {
				return nil, ended
			}
			switch {
			case apirejection.Is(err):
				r.refused.add(e, err, r.Clock.Now())
				continue
			case err != nil:
				return nil, err
			case !isAccepted:
				continue
			}
		}
		going = append(going, events[i])
	}
	return going, nil
}
