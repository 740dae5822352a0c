package importer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// step is one phase: what it lists, what it does with a page, and which phase comes after it.
type step struct {
	list func(s Source, ctx context.Context, account, after string) iter.Seq2[stripeapi.Page, error]
	take func(r *run, ctx context.Context, page stripeapi.Page) error
	next Phase
	// isNeeded reports whether there is anything to list; nil if there always may be.
	isNeeded func(r *run, ctx context.Context) (bool, error)
}

// steps are the phases. The subscriptions come first: a customer is known whole only after all of them are put in. The
// features come last: each customer takes a request.
var steps = map[Phase]step{
	Subscriptions: {list: Source.AllSubscriptions, take: (*run).takeSubscriptions, next: Customers},
	Customers:     {list: Source.AllCustomers, take: (*run).takeCustomers, next: Disputes},
	Disputes:      {list: Source.AllDisputes, take: (*run).takeDisputes, next: Features},
	Features:      {list: Source.AllCustomers, take: (*run).takeFeatures, next: Done, isNeeded: (*run).usesFeatures},
}

// run is the import of one account, as far as this process does it.
type run struct {
	*Importer
	c       *Checkpoint
	account string
	log     logr.Logger
	listed  int // pages since the start of the process
}

// importAccount goes on with the import of an account where the checkpoint is.
func (i *Importer) importAccount(ctx context.Context, account string, c *Checkpoint) error {
	if _, known := steps[c.Phase]; !known && !c.isOver() {
		*c = Checkpoint{Phase: Subscriptions, StartedAt: metav1.NewTime(i.Clock.Now().UTC())}
	}
	r := &run{Importer: i, c: c, account: account, log: i.Log.WithValues("account", stripeaccount.Name(account))}
	for !c.isOver() {
		i.running.Store(true)
		i.setPhase(string(c.Phase))
		if err := r.list(ctx, steps[c.Phase]); err != nil {
			return err
		}
		if c.isOver() {
			r.log.Info("Ended the import", append(r.progress(), "started", c.StartedAt.Time)...)
		}
	}
	return nil
}

func (r *run) progress() []any {
	return []any{
		"phase", r.c.Phase, "pages", r.c.Pages, "imported", r.c.Imported, "ignored", r.c.Ignored, "refused", r.c.Refused,
		"incompleteCustomers", len(r.c.Incomplete), "allIncomplete", r.c.AllIncomplete,
	}
}

// list goes through the pages of a phase, and saves the checkpoint after each. After the last one, the next phase is
// due.
func (r *run) list(ctx context.Context, s step) error {
	if s.isNeeded != nil {
		if isNeeded, err := s.isNeeded(r, ctx); err != nil || !isNeeded {
			if err == nil {
				r.enter(s.next)
				err = r.Checkpoints.Save(ctx, r.account, r.c)
			}
			return err
		}
	}
	for page, err := range s.list(r.Source, ctx, r.account, r.c.After) {
		if errors.Is(err, stripeapi.ErrCursorGone) {
			return r.restart(ctx, err)
		}
		if err == nil {
			err = s.take(r, ctx, page)
		}
		if err != nil {
			return err
		}
		r.c.Pages++
		switch {
		case page.Next == "":
			r.enter(s.next)
		case r.c.Pages >= r.maxPages:
			err := fmt.Errorf("the list goes on after %d pages", r.c.Pages)
			r.log.Error(err, "Failed to import the account: a list does not end", "phase", r.c.Phase)
			r.c.finish(Failed, r.Clock.Now())
		default:
			r.c.After = page.Next
		}
		if err := r.Checkpoints.Save(ctx, r.account, r.c); err != nil {
			return err
		}
		r.madeProgress = true
		if r.listed++; r.listed%pagesPerReport == 0 && !r.c.isOver() {
			r.log.Info("Importing", r.progress()...)
		}
		if r.c.isOver() {
			return nil
		}
	}
	return nil
}

// enter begins a phase, or ends the import.
func (r *run) enter(phase Phase) {
	r.c.Phase, r.c.After, r.c.Pages = phase, "", 0
	if phase == Done {
		r.c.finish(Done, r.Clock.Now())
	}
}

// restart begins the phase anew, because Stripe does not know the object any more after which the next page begins.
// What was listed before is listed again, which changes nothing. Its pages count, so that restarts without end are a
// list that never ends.
func (r *run) restart(ctx context.Context, cause error) error {
	r.madeProgress = false
	r.c.After = ""
	if err := r.Checkpoints.Save(ctx, r.account, r.c); err != nil {
		return err
	}
	return fmt.Errorf("list the %s from the first page again: %w", r.c.Phase, cause)
}
