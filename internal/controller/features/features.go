// Package features reads the features of customers from Stripe, where an account uses Stripe's Entitlements. Most accounts
// do not: there, a sweep of all customers makes no request more.
package features

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// rememberedFor is how long the answer counts whether an account uses Entitlements.
	rememberedFor = time.Hour
	// refusedFor is how long a refusal counts.
	refusedFor = time.Minute
)

// Source says whether an account uses Entitlements: *stripeapi.Client.
type Source interface {
	UsesEntitlements(ctx context.Context, account string) (bool, error)
}

// Accounts knows which accounts use Stripe's Entitlements. It asks once an hour for each, whatever the number of customers.
type Accounts struct {
	source  Source
	clock   clock.PassiveClock
	log     logr.Logger
	flights singleflight.Group

	mutex   sync.Mutex
	answers map[string]answer // by account
}

type answer struct {
	until     time.Time
	uses      bool
	isRefused bool
}

// NewAccounts makes an empty one.
func NewAccounts(source Source, clock clock.PassiveClock, log logr.Logger) *Accounts {
	return &Accounts{source: source, clock: clock, log: log, answers: map[string]answer{}}
}

// Uses reports whether the account uses Entitlements, as far as can be known: with a key that may not read them, or an API that
// has none, it does not.
func (a *Accounts) Uses(ctx context.Context, account string) (bool, error) {
	if known, ok := a.remembered(account); ok {
		return known.uses, nil
	}
	uses, err, _ := a.flights.Do(account, func() (any, error) {
		if known, ok := a.remembered(account); ok {
			return known.uses, nil // another flight has ended since
		}
		return a.ask(ctx, account)
	})
	if err != nil {
		return false, err
	}
	return uses.(bool), nil
}

func (a *Accounts) remembered(account string) (answer, bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	known := a.answers[account]
	return known, a.clock.Now().Before(known.until)
}

func (a *Accounts) ask(ctx context.Context, account string) (bool, error) {
	uses, err := a.source.UsesEntitlements(ctx, account)
	_, isPause := stripeapi.RetryAfter(err) // it is about every request, not about features alone
	isRefused := stripeapi.IsUnavailable(err) && !isPause
	if err != nil && !isRefused {
		return false, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if isRefused && !a.answers[account].isRefused {
		a.log.Info("Features are not read from Stripe until it says whether the account uses Entitlements. The API key must be allowed to read them",
			"account", stripeaccount.Name(account), "reason", err.Error())
	}
	patience := rememberedFor
	if isRefused {
		patience = refusedFor
	}
	a.answers[account] = answer{until: a.clock.Now().Add(patience), uses: uses, isRefused: isRefused}
	return uses, nil
}

// MayHave reports whether the customer may have features: some were known once, or the account uses Entitlements. Stripe
// cannot list those of a customer that is known by its Account only, nor of one that is deleted.
func (a *Accounts) MayHave(ctx context.Context, customer *v1alpha1.Customer) (bool, error) {
	switch {
	case strings.HasPrefix(customer.Spec.CustomerID, "acct_"), customer.Status.DeletedAt != nil:
		return false, nil
	case projection.FeaturesPosition(&customer.Status).EventID != "":
		return true, nil
	default:
		uses, err := a.Uses(ctx, customer.Spec.Account)
		if _, isPause := stripeapi.RetryAfter(err); isPause || ctx.Err() != nil {
			return false, err
		}
		return uses, nil // what else is read of the customer decides about access, and does not wait for an answer
	}
}
