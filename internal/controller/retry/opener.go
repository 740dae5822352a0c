package retry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// ConfigMapName is the name of the ConfigMap that notes for which version and configuration the Recorded events were
	// looked through.
	ConfigMapName = "tollkeeper-reopen"
	scopeKey      = "scope"
	// eventsPage is how many Recorded events are read at a time.
	eventsPage = 500
	// openedPerSecond bounds how fast the backlog grows: the customers' new events go in between.
	openedPerSecond = 20
	// firstPause is the pause after a first error of the API server or Stripe. It doubles up to lastPause.
	firstPause = time.Second
	lastPause  = 10 * time.Minute
	// refusedPause is the pause if Stripe refuses some events to the key, which a person has to change.
	refusedPause = time.Hour
)

// errRefusedSome says that the other events were opened.
var errRefusedSome = errors.New("stripe refuses some of the recorded events to the API key")

// Opener makes those Recorded events pending again that were recorded because the version did not handle their type, or the
// configuration left out their mode or account, and that are handled now.
//
// It runs on the leader, and looks through the Recorded events once for each version and configuration, page by page: the
// ConfigMap notes for which it has. So a restart costs one read. An event without a record is read from Stripe again, which
// keeps events for 30 days; older ones stay Recorded.
type Opener struct {
	Client client.Client
	// Reader reads from the API server: no cache holds Recorded events.
	Reader    client.Reader
	Namespace string
	Chance    Chance
	Clock     clock.Clock
	Log       logr.Logger
}

// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=create
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,resourceNames=tollkeeper-reopen,verbs=get;update

// NeedLeaderElection makes the manager run the opener on the leader only.
func (o *Opener) NeedLeaderElection() bool { return true }

// Start looks through the Recorded events if the version or the configuration has changed. It repeats that after an error.
func (o *Opener) Start(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := o.run(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		wait := pause
		if least, limited := stripeapi.RetryAfter(err); limited {
			wait = max(wait, least)
		}
		switch {
		case errors.Is(err, errRefusedSome):
			wait = max(wait, refusedPause)
			o.Log.Info("Recorded events that can be applied now cannot be read from Stripe, will retry", "reason", err.Error(), "after", wait.String())
		case errors.Is(err, stripeapi.ErrKeyRefused): // which the client has logged
			o.Log.Info("Recorded events that can be applied now wait, because Stripe refuses the API key", "after", wait.String())
		default:
			o.Log.Error(err, "Failed to look for recorded events that can be applied now, will retry", "after", wait.String())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.Clock.After(wait):
		}
	}
}

func (o *Opener) run(ctx context.Context) error {
	done := stripeaccount.ConfigMap{Reader: o.Reader, Writer: o.Client, Namespace: o.Namespace, Name: ConfigMapName}
	stored, err := done.Get(ctx)
	if err != nil {
		return err
	}
	scope := o.scope()
	if stored.Data[scopeKey] == scope {
		return nil
	}
	opened, left, err := o.open(ctx)
	if err != nil {
		return err
	}
	if opened+left > 0 {
		o.Log.Info("Looked through the recorded events for those that are applied now", "pending", opened, "cannotBeRead", left)
	}
	return done.Save(ctx, scopeKey, scope)
}

// scope identifies what decides which Recorded events are applied: the handled types, the mode, the accounts, and whether an
// event can be read again.
func (o *Opener) scope() string {
	var types []string
	for _, t := range slices.Concat(events.All(), events.Families()) {
		types = append(types, t.Name+t.RecordedOnly)
	}
	accounts := slices.Sorted(slices.Values(o.Chance.Scope.Accounts))
	mode := "both"
	if o.Chance.Scope.Livemode != nil {
		mode = fmt.Sprint(*o.Chance.Scope.Livemode)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %t", types, accounts, mode, o.Chance.Stripe != nil))
	return hex.EncodeToString(sum[:8])
}

// open makes events pending again. left is how many of them cannot be applied for want of a record.
func (o *Opener) open(ctx context.Context) (opened, left int, err error) {
	limit, next, refused := rate.NewLimiter(openedPerSecond, 1), "", map[string]error{}
	for {
		var page v1alpha1.BillingEventList
		if err := o.Reader.List(ctx, &page, client.InNamespace(o.Namespace), client.MatchingFields{v1alpha1.FieldOutcome: string(v1alpha1.OutcomeRecorded)},
			client.Limit(eventsPage), client.Continue(next)); err != nil {
			if next = paging.ContinueAnew(err); next != "" {
				continue // what came meanwhile may be missing: this version has recorded it
			}
			return opened, left, fmt.Errorf("list the Recorded events: %w", err)
		}
		for i := range page.Items {
			e := &page.Items[i]
			if !o.isLetIn(e) || refused[e.Spec.Account] != nil && events.LacksRecord(e.Content()) {
				continue
			}
			if err := limit.Wait(ctx); err != nil {
				return opened, left, err
			}
			isOpen, err := o.openOne(ctx, e)
			switch {
			case errors.Is(err, stripeapi.ErrRefused) && !errors.Is(err, stripeapi.ErrKeyRefused): // the other accounts go on
				refused[e.Spec.Account] = err
			case err != nil:
				return opened, left, err
			case isOpen:
				opened++
			default:
				left++
			}
		}
		if next = page.Continue; next == "" {
			return opened, left, refusalOf(refused)
		}
	}
}

// refusalOf is an error about the accounts whose events Stripe refuses; nil if there are none.
func refusalOf(refused map[string]error) error {
	for _, account := range slices.Sorted(maps.Keys(refused)) {
		return fmt.Errorf("%w, in %d accounts, such as %s: %w", errRefusedSome, len(refused), stripeaccount.Name(account), refused[account])
	}
	return nil
}

func (o *Opener) openOne(ctx context.Context, e *v1alpha1.BillingEvent) (bool, error) {
	if e.Spec.NotifiedBy == "" && events.LacksRecord(e.Content()) && o.Clock.Since(e.Spec.Created.Time) > eventsKept {
		return false, nil
	}
	refetched, refusal, err := o.Chance.Of(ctx, e)
	if err != nil || refusal != "" {
		return false, err
	}
	err = outcome.Writer{Client: o.Client, Clock: o.Clock}.Reopen(ctx, e, refetched, "")
	if apirejection.Is(err) { // this event fails: the others go on
		o.Log.Error(err, "The API server refuses a recorded event as it was read again", "eventID", e.Spec.EventID)
		return false, nil
	}
	if err == nil {
		metrics.EventsReopened.Inc()
	}
	return err == nil, err
}

// isLetIn reports whether the event was recorded for a reason that another version or configuration removes, and is handled
// now. Events that earlier versions recorded have no reason: they name a customer and were not applied, or lack a record.
//
// An event may have no record because it says nothing that is applied, such as most of charge.updated: one for each charge. It
// is not read from Stripe again.
func (o *Opener) isLetIn(e *v1alpha1.BillingEvent) bool {
	if o.Chance.outOfScope(e) != "" || events.SaysNothing(e.Content()) {
		return false
	}
	switch e.Status.Reason {
	case v1alpha1.RecordedUnhandledType, v1alpha1.RecordedOtherMode, v1alpha1.RecordedOtherAccount:
		return true
	case "":
		return events.LacksRecord(e.Content()) || e.CustomerID() != ""
	default:
		return false
	}
}
