// Package backfill recovers events that never arrived: it lists each account's events and records the missing ones.
package backfill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// overlap is listed again in every run: an event can become visible later than one with a later time.
	overlap = 10 * time.Minute
	// concurrency of the recording. It leaves most of the API server's capacity to the receiver.
	concurrency = 4
	// firstRetry is the delay after the first failed run. It doubles with each further one, up to the interval.
	firstRetry = time.Second
	// pagesPerReport is how many pages are listed between two progress messages in the log.
	pagesPerReport = 50
)

// Source lists an account's events since a time, the newest first.
type Source interface {
	Events(ctx context.Context, account string, since time.Time) iter.Seq2[stripeapi.Page, error]
}

// Recorder records each event once.
type Recorder interface {
	// Known reports whether the event is already recorded.
	Known(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error)
	// Record records the event unless it is already recorded, and reports whether it did.
	Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error)
}

// Backfill runs at start and at every interval, on the leader only. A run lists the events of every account since its
// checkpoint and records the missing ones of handled types. Stripe also lists events that no endpoint subscribes to.
type Backfill struct {
	Source      Source
	Decoder     events.Decoder
	Recorder    Recorder
	Checkpoints Checkpoints
	// Customers lists the Customer objects. Their connected accounts are backfilled beside the platform's own, if they are
	// let in.
	Customers client.Reader
	// Accounts are the connected accounts that are let in.
	Accounts  stripeaccount.Selection
	Namespace string
	// Interval is the time between two runs. Window is how far back the first run goes.
	Interval, Window time.Duration
	// After is closed when the first run may start; nil for at once.
	After <-chan struct{}
	Clock clock.Clock
	Log   logr.Logger

	running atomic.Bool
	refused sets.Set[string] // the connected accounts that Stripe refused in the last run; belongs to the goroutine of Start
}

// Looking reports whether a run is in progress: events that seem to be missing may be about to be recorded.
func (b *Backfill) Looking() bool { return b.running.Load() }

// NeedLeaderElection makes the manager run the backfill on the leader only.
func (b *Backfill) NeedLeaderElection() bool { return true }

// Start runs the backfill until ctx ends.
func (b *Backfill) Start(ctx context.Context) error {
	if b.After != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-b.After:
		}
	}
	for _, result := range []string{"complete", "failed"} { // so that the first of them counts as an increase
		metrics.BackfillRuns.WithLabelValues(result)
	}
	for _, result := range []string{"recorded", "known", "ignored", "failed"} {
		metrics.BackfillEvents.WithLabelValues(result)
	}
	retry := firstRetry
	for {
		wait := b.Interval
		switch err := b.runAll(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			metrics.BackfillRuns.WithLabelValues("failed").Inc()
			wait, retry = min(retry, b.Interval), min(2*retry, b.Interval)
			if least, limited := stripeapi.RetryAfter(err); limited {
				wait = max(wait, least)
			}
			if errors.Is(err, stripeapi.ErrKeyRefused) { // which the client has logged
				b.Log.Info("Missed events wait, because Stripe refuses the API key", "after", wait.String())
				break
			}
			b.Log.Error(err, "Failed to backfill missed events, will retry", "after", wait.String())
		default:
			metrics.BackfillRuns.WithLabelValues("complete").Inc()
			metrics.BackfillLastSuccess.Set(float64(b.Clock.Now().Unix()))
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.Clock.After(wait):
		}
	}
}

// runAll backfills every account. A failure in one account does not stop the others. A connected account that Stripe refuses
// is no failure of the run: it would fail every run from then on.
func (b *Backfill) runAll(ctx context.Context) error {
	b.running.Store(true)
	defer b.running.Store(false)
	accounts, err := stripeaccount.List(ctx, b.Customers, b.Namespace, b.Accounts)
	if err != nil {
		return err
	}
	var errs []error
	refused := sets.New[string]()
	for _, account := range accounts {
		err := b.runAccount(ctx, account)
		switch {
		case account != "" && errors.Is(err, stripeapi.ErrRefused) && !errors.Is(err, stripeapi.ErrKeyRefused):
			refused.Insert(account)
			if !b.refused.Has(account) {
				b.Log.Info("Stripe refuses the account's events to the API key: missed events of the account are not recovered",
					"account", account, "reason", err.Error())
			}
		case err != nil:
			errs = append(errs, fmt.Errorf("backfill missed events of account %s: %w", stripeaccount.Name(account), err))
		case b.refused.Has(account):
			b.Log.Info("Missed events of the account are recovered again", "account", account)
		}
	}
	b.refused = refused
	metrics.BackfillAccountsRefused.Set(float64(len(refused)))
	return errors.Join(errs...)
}

// accountRun is one account's part of a run.
type accountRun struct {
	account                          string
	pages                            int
	recorded, known, ignored, failed int
	newest                           time.Time
	rejected                         error // the error for the first event that the API server rejected
}

// runAccount records the events of one account since its checkpoint. The checkpoint moves only when all are recorded:
// after an interruption or a rejection by the API server, the next run lists them again.
func (b *Backfill) runAccount(ctx context.Context, account string) error {
	checkpoint, err := b.Checkpoints.Load(ctx, account)
	if err != nil {
		return err
	}
	now := b.Clock.Now()
	since := checkpoint.Add(-overlap)
	if first := now.Add(-b.Window); since.Before(first) {
		since = first
	}
	r := &accountRun{account: account, newest: checkpoint}
	log := b.Log.WithValues("account", stripeaccount.Name(account), "since", since.UTC())
	for page, err := range b.Source.Events(ctx, account, since) {
		if err == nil {
			err = b.recordPage(ctx, r, page)
		}
		if err != nil {
			return err
		}
		if r.pages++; r.pages%pagesPerReport == 0 {
			log.Info("Backfilling missed events", r.counts()...)
		}
	}
	if r.recorded > 0 || r.failed > 0 || checkpoint.IsZero() {
		log.Info("Backfilled missed events", r.counts()...)
	}
	if r.rejected != nil {
		return r.rejected
	}
	if account == "" && !r.newest.IsZero() {
		metrics.BackfillCheckpoint.Set(float64(r.newest.Unix()))
	}
	if !r.newest.After(checkpoint) {
		return nil
	}
	return b.Checkpoints.Save(ctx, account, r.newest)
}

func (r *accountRun) counts() []any {
	return []any{"pages", r.pages, "recorded", r.recorded, "known", r.known, "ignored", r.ignored, "failed", r.failed}
}

// recordPage records the missing events of one page.
func (b *Backfill) recordPage(ctx context.Context, r *accountRun, page stripeapi.Page) error {
	var handled []*v1alpha1.BillingEventSpec
	for _, item := range page.Items {
		e, err := b.Decoder.Decode(item)
		if err != nil { // retrying cannot help: it must not block the other events
			b.Log.Error(err, "Skipped a listed object that is not an event")
			r.count(&r.failed, "failed")
			continue
		}
		if e.Created.After(r.newest) {
			r.newest = e.Created.UTC()
		}
		if _, known := events.Lookup(e.Type); !known {
			r.count(&r.ignored, "ignored")
			continue
		}
		e.Account = cmp.Or(e.Account, r.account)
		handled = append(handled, e)
	}
	recorded, rejected := make([]bool, len(handled)), make([]error, len(handled))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for i, e := range handled {
		group.Go(func() (err error) {
			recorded[i], err = b.record(ctx, e)
			if apirejection.Is(err) { // only this event fails: the others go on
				rejected[i], err = err, nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range handled {
		switch {
		case rejected[i] != nil:
			r.rejected = cmp.Or(r.rejected, rejected[i])
			r.count(&r.failed, "failed")
		case recorded[i]:
			r.count(&r.recorded, "recorded")
		default:
			r.count(&r.known, "known")
		}
	}
	return nil
}

func (r *accountRun) count(n *int, result string) {
	*n++
	metrics.BackfillEvents.WithLabelValues(result).Inc()
}

// record records an event unless it is known. Most are, and reading is cheaper than a failing create.
func (b *Backfill) record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	known, err := b.Recorder.Known(ctx, e)
	if err != nil || known {
		return false, err
	}
	return b.Recorder.Record(ctx, e)
}
