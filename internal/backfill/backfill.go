// Package backfill makes up for events that Stripe could not deliver: it lists them and records those that are missing.
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
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// overlap is listed again each time: an event may become visible later than one that is stamped after it.
	overlap = 10 * time.Minute
	// concurrency of the recording. It leaves the API server to the receiver.
	concurrency = 4
	// firstRetry after a failure; then twice as long each time, up to the interval.
	firstRetry = time.Second
	// pagesPerReport are listed between two lines of the log.
	pagesPerReport = 50
)

// Source lists an account's events since a time, the newest first.
type Source interface {
	Events(ctx context.Context, account string, since time.Time) iter.Seq2[stripeapi.Page, error]
}

// Recorder records an event once.
type Recorder interface {
	// Known says whether the event is recorded.
	Known(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error)
	// Record records it unless it is, and says whether it did.
	Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error)
}

// Backfill looks for missed events when it starts and every interval. The manager runs it on the leader alone.
//
// An account makes many events that no endpoint was asked to send. Only those of handled types are recorded.
type Backfill struct {
	Source      Source
	Decoder     events.Decoder
	Recorder    Recorder
	Checkpoints Checkpoints
	// Customers lists the Customers, whose accounts are looked at beside the platform's own.
	Customers client.Reader
	Namespace string
	// Interval between two looks, Window of the first one.
	Interval, Window time.Duration
	Clock            clock.Clock
	Log              logr.Logger

	looking atomic.Bool
}

// Looking says whether a look is under way: events that seem to be missing may be about to be recorded.
func (b *Backfill) Looking() bool { return b.looking.Load() }

// NeedLeaderElection tells the manager that one replica is enough.
func (b *Backfill) NeedLeaderElection() bool { return true }

// Start looks until ctx ends.
func (b *Backfill) Start(ctx context.Context) error {
	retry := firstRetry
	for {
		wait := b.Interval
		switch err := b.all(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			metrics.BackfillRuns.WithLabelValues("failed").Inc()
			wait, retry = min(retry, b.Interval), min(2*retry, b.Interval)
			if asked, limited := stripeapi.RetryAfter(err); limited {
				wait = max(wait, asked)
			}
			b.Log.Error(err, "Failed to look for missed events, will look again", "after", wait.String())
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

// all looks at every account. What fails in one does not keep it from the others.
func (b *Backfill) all(ctx context.Context) error {
	b.looking.Store(true)
	defer b.looking.Store(false)
	accounts, err := b.accounts(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, account := range accounts {
		if err := b.account(ctx, account); err != nil {
			errs = append(errs, fmt.Errorf("look for missed events of account %s: %w", checkpointKey(account), err))
		}
	}
	return errors.Join(errs...)
}

// accounts are the platform's own, which is empty, and every connected one that a Customer is of.
func (b *Backfill) accounts(ctx context.Context) ([]string, error) {
	var customers v1alpha1.CustomerList
	if err := b.Customers.List(ctx, &customers, client.InNamespace(b.Namespace)); err != nil {
		return nil, fmt.Errorf("list Customers: %w", err)
	}
	accounts := sets.New("")
	for i := range customers.Items {
		accounts.Insert(customers.Items[i].Spec.Account)
	}
	return sets.List(accounts), nil
}

// run counts what one look at one account has found.
type run struct {
	account                          string
	pages                            int
	recorded, known, ignored, failed int
	newest                           time.Time
	refused                          error // the first event that the API server would not have
}

// account records the events of one account since its checkpoint. The checkpoint moves only when all of them are recorded: what stops
// it in the middle, or an event that a policy of the cluster refuses, makes it repeat, and skip nothing.
func (b *Backfill) account(ctx context.Context, account string) error {
	checkpoint, err := b.Checkpoints.Load(ctx, account)
	if err != nil {
		return err
	}
	now := b.Clock.Now()
	since := checkpoint.Add(-overlap)
	if first := now.Add(-b.Window); since.Before(first) {
		since = first
	}
	r := &run{account: account, newest: checkpoint}
	log := b.Log.WithValues("account", checkpointKey(account), "since", since.UTC())
	for page, err := range b.Source.Events(ctx, account, since) {
		if err == nil {
			err = b.page(ctx, r, page)
		}
		if err != nil {
			return err
		}
		if r.pages++; r.pages%pagesPerReport == 0 {
			log.Info("Looking for missed events", r.counts()...)
		}
	}
	if r.recorded > 0 || r.failed > 0 || checkpoint.IsZero() {
		log.Info("Looked for missed events", r.counts()...)
	}
	if r.refused != nil {
		return r.refused
	}
	if account == "" && !r.newest.IsZero() {
		metrics.BackfillCheckpoint.Set(float64(r.newest.Unix()))
	}
	if !r.newest.After(checkpoint) {
		return nil
	}
	return b.Checkpoints.Save(ctx, account, r.newest)
}

func (r *run) counts() []any {
	return []any{"pages", r.pages, "recorded", r.recorded, "known", r.known, "ignored", r.ignored, "failed", r.failed}
}

// page records the missing events of one page.
func (b *Backfill) page(ctx context.Context, r *run, page stripeapi.Page) error {
	var missing []*v1alpha1.BillingEventSpec
	for _, item := range page.Items {
		e, err := b.Decoder.Decode(item)
		if err != nil { // it will never be an event: it must not hold up the others for ever
			b.Log.Error(err, "Listed something that is no event")
			r.count(&r.failed, "failed")
			continue
		}
		if e.Created.After(r.newest) {
			r.newest = e.Created.UTC()
		}
		if _, handled := events.Lookup(e.Type); !handled {
			r.count(&r.ignored, "ignored")
			continue
		}
		e.Account = cmp.Or(e.Account, r.account)
		missing = append(missing, e)
	}
	recorded, refused := make([]bool, len(missing)), make([]error, len(missing))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for i, e := range missing {
		group.Go(func() (err error) {
			recorded[i], err = b.record(ctx, e)
			if apirejection.Is(err) { // this one alone: the others go on
				refused[i], err = err, nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range missing {
		switch {
		case refused[i] != nil:
			r.refused = cmp.Or(r.refused, refused[i])
			r.count(&r.failed, "failed")
		case recorded[i]:
			r.count(&r.recorded, "recorded")
		default:
			r.count(&r.known, "known")
		}
	}
	return nil
}

func (r *run) count(n *int, result string) {
	*n++
	metrics.BackfillEvents.WithLabelValues(result).Inc()
}

// record records an event unless it is known. Nearly all are, and to look is cheaper than to try.
func (b *Backfill) record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	known, err := b.Recorder.Known(ctx, e)
	if err != nil || known {
		return false, err
	}
	return b.Recorder.Record(ctx, e)
}
