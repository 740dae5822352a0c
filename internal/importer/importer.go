// Package importer lists everything that a Stripe account has, and hands it over to the customers' controllers.
//
// An account may be years old when the operator starts with a key for the first time: its customers' last events are
// long gone. The importer lists, page by page, first all subscriptions, then all customers, then all disputes, and then the
// features of each customer, if the account uses Entitlements. What it lists are readings: the customer's controller folds
// them like any other state. A customer whose subscriptions were all put in is then known whole.
//
// A checkpoint is saved after each page was folded, so that a kill repeats at most one page.
package importer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/controller/features"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// lookInterval is the time between two looks for a request by annotation, and for new connected accounts.
	lookInterval = 30 * time.Second
	// firstRetry is the delay after a failure. It doubles with each further one, up to maxRetry.
	firstRetry = time.Second
	maxRetry   = 15 * time.Minute
	// firstPatience is how long the backfill, which is for all accounts, waits while the import of one fails without progress.
	firstPatience = maxRetry
	// maxPages bounds a list: 2 million objects. A list that goes on after that is taken for one that never ends.
	maxPages = 20_000
	// foldPatience is how long the customers' controllers may take for one page. A customer that takes longer holds up
	// no other.
	foldPatience = 10 * time.Minute
	// pagesPerReport is how many pages are listed between two progress messages in the log.
	pagesPerReport = 10
)

// Source lists an account's objects, the newest first, beginning after the object with the id after. An error ends a
// list.
type Source interface {
	AllSubscriptions(ctx context.Context, account, after string) iter.Seq2[stripeapi.Page, error]
	AllCustomers(ctx context.Context, account, after string) iter.Seq2[stripeapi.Page, error]
	AllDisputes(ctx context.Context, account, after string) iter.Seq2[stripeapi.Page, error]
	// ImportActiveEntitlements reads the active entitlements of one customer.
	ImportActiveEntitlements(ctx context.Context, account, customerID string) (stripeapi.Reading, error)
}

// Options are what an Importer works with.
type Options struct {
	Source      Source
	Decoder     events.Decoder
	Mailbox     *readings.Mailbox
	Features    *features.Accounts
	Checkpoints Checkpoints
	// Client reads Customers and Subscriptions. It must show what the customer's controller has written.
	Client    client.Reader
	Namespace string
	// Accounts are the connected accounts that are let in.
	Accounts stripeaccount.Selection
	// Everyone imports customers that never had a subscription, too.
	Everyone bool
	Clock    clock.Clock
	Log      logr.Logger
}

// Importer imports each account once, and again on request. It runs on the leader only.
type Importer struct {
	Options

	running   atomic.Bool
	phase     atomic.Pointer[string]
	firstOver chan struct{}

	// The rest belongs to the goroutine of Start.
	isFirstOver  bool             // whether firstOver is closed
	madeProgress bool             // since the last look at all accounts, or at one of them
	failingSince time.Time        // the last look at which an account that fails made progress; else the first one that failed
	logged       sets.Set[string] // the refused objects that the log names
	maxPages     int              // maxPages, except in tests
	foldPatience time.Duration    // foldPatience, except in tests
}

// New makes an Importer.
func New(o Options) *Importer {
	i := &Importer{
		Options: o, firstOver: make(chan struct{}), logged: sets.New[string](),
		maxPages: maxPages, foldPatience: foldPatience,
	}
	i.setPhase("NotLeading")
	return i
}

// NeedLeaderElection makes the manager run the import on the leader only.
func (i *Importer) NeedLeaderElection() bool { return true }

// Running reports whether an import is in progress: what seems to be missing may be about to be put in.
func (i *Importer) Running() bool { return i.running.Load() }

// FirstOver is closed when every account that was known at the start is imported, or cannot be: because Stripe refuses
// it to the key, because a list never ends, or because each attempt has failed for a while.
func (i *Importer) FirstOver() <-chan struct{} { return i.firstOver }

// Start imports until ctx ends.
func (i *Importer) Start(ctx context.Context) error {
	retry := firstRetry
	for {
		wait := lookInterval
		err := i.importAll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if i.madeProgress || err == nil {
			retry = firstRetry
		}
		if err != nil {
			wait, retry = retry, min(2*retry, maxRetry)
			if least, limited := stripeapi.RetryAfter(err); limited {
				wait = max(wait, least)
			}
			if errors.Is(err, stripeapi.ErrKeyRefused) { // which the client has logged
				i.Log.Info("The import waits, because Stripe refuses the API key", "after", wait.String())
			} else {
				i.Log.Error(err, "Failed to import, will retry", "after", wait.String())
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-i.Clock.After(wait):
		}
	}
}

// importAll imports every account that is not imported yet. A failure in one account does not stop the others.
func (i *Importer) importAll(ctx context.Context) error {
	i.madeProgress = false
	accounts, checkpoints, err := i.load(ctx)
	if err != nil {
		i.endFirst(i.isPatienceOver(false) && ctx.Err() == nil)
		return err
	}
	var errs []error
	var lastSuccess time.Time
	isSettled, phase, progress, failingProgress := true, string(Done), false, false
	for _, account := range accounts {
		i.madeProgress = false
		err := i.importAccount(ctx, account, checkpoints[account])
		progress = progress || i.madeProgress
		switch {
		case errors.Is(err, stripeapi.ErrRefused):
			phase = "Refused"
		case err != nil:
			isSettled, phase, failingProgress = false, "Retrying", failingProgress || i.madeProgress
		case checkpoints[account].Phase == Failed && phase == string(Done):
			phase = string(Failed)
		}
		if c := checkpoints[account]; c.Phase == Done && c.FinishedAt.After(lastSuccess) {
			lastSuccess = c.FinishedAt.Time
			metrics.ImportLastSuccess.Set(float64(lastSuccess.Unix()))
		}
		switch {
		case errors.Is(err, stripeapi.ErrAccountRefused): // which the client has logged; the others need not wait for it
		case err != nil:
			errs = append(errs, fmt.Errorf("import account %s: %w", stripeaccount.Name(account), err))
		}
	}
	i.madeProgress = progress
	i.running.Store(false)
	i.report(phase)
	i.endFirst((isSettled || i.isPatienceOver(failingProgress)) && ctx.Err() == nil)
	return errors.Join(errs...)
}

// load reads which accounts there are, and how far their imports are.
func (i *Importer) load(ctx context.Context) ([]string, map[string]*Checkpoint, error) {
	accounts, err := stripeaccount.List(ctx, i.Client, i.Namespace, i.Accounts)
	if err != nil {
		return nil, nil, err
	}
	checkpoints, err := i.Checkpoints.Load(ctx, accounts)
	return accounts, checkpoints, err
}

// isPatienceOver notes that an account is not imported yet, and reports whether all that are left have failed for so long, in this process
// and without progress, that the backfill does not wait for them any more. The progress of other accounts does not count.
func (i *Importer) isPatienceOver(madeProgress bool) bool {
	now := i.Clock.Now()
	if madeProgress || i.failingSince.IsZero() {
		i.failingSince = now
	}
	return now.Sub(i.failingSince) >= firstPatience
}

// report publishes what a look at all accounts has led to.
func (i *Importer) report(phase string) {
	i.setPhase(phase)
	complete := 0.0
	if phase == string(Done) {
		complete = 1
	}
	metrics.ImportComplete.Set(complete)
}

// endFirst has FirstOver closed, once, if the first import is over.
func (i *Importer) endFirst(isOver bool) {
	if isOver && !i.isFirstOver {
		i.isFirstOver = true
		close(i.firstOver)
	}
}
