package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/credentials"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// addStripeKey makes the client of Stripe's API, if there is a key, and adds what takes up another key.
func (a *App) addStripeKey(store *credentials.Store, cfg config.Config) error {
	judge := &keyJudge{pause: askAgain}
	access := config.StripeAccess{Key: cfg.Stripe.SecretKey, Base: cfg.Stripe.APIBase}
	a.credentials.stripe = credentials.Add(store, credentials.Group[config.StripeAccess]{
		Names: []string{config.EnvStripeSecretKey, config.EnvStripeAPIBase},
		Parse: config.StripeAccessFrom,
		Judge: judge.judge,
		Secrets: func(s config.StripeAccess) map[string][]string {
			return credentials.Single(map[string]string{config.EnvStripeSecretKey: s.Key, config.EnvStripeAPIBase: s.Base})
		},
		Changed: func() { a.stripe.KeyChanged() },
	}, access)
	if access.Key == "" {
		return nil
	}
	a.stripe = stripeapi.NewWith(func() string { return a.credentials.stripe.Get().Key }, access.Base, cfg.StripeAPIVersion)
	a.stripe.LimitRate(cfg.StripeRateLimit)
	a.stripe.LogTo(a.manager.GetLogger().WithName("stripe"))
	if cfg.StripeProbe > 0 {
		a.stripe.ProbeAfter(cfg.StripeProbe)
	}
	judge.stripe, judge.first = a.stripe, access.Key
	if cfg.Credentials == nil {
		return nil
	}
	if err := a.manager.Add(judge); err != nil {
		return fmt.Errorf("add the judge of Stripe's keys: %w", err)
	}
	return nil
}

// keyJudge judges whether another API key may replace the one in use. What is in the cluster is of one account in one mode, which
// the process has worked out at its start. With a key of another one, each customer would look as if Stripe had deleted it.
type keyJudge struct {
	stripe *stripeapi.Client // nil without a key
	first  string            // the key at the start
	pause  time.Duration     // until Stripe is asked again for its account

	mutex   sync.Mutex
	account string // that of the key in use; empty while it is not known
	// refused is the last verdict on a key, and until when Stripe is not asked about that key again: each look judges it.
	refused struct {
		key   string
		why   error
		until time.Time
	}
}

// askAgain is how long Stripe is not asked again about a key: one that it refuses, since it takes a moment until it knows a new one,
// or the first one, while it does not answer.
const askAgain = time.Minute

// NeedLeaderElection is false: every replica takes up keys.
func (j *keyJudge) NeedLeaderElection() bool { return false }

// Start asks Stripe for the account of the first key until there is an answer: when the key is replaced, Stripe may refuse it already,
// and a key of any account would pass.
func (j *keyJudge) Start(ctx context.Context) error {
	_ = wait.PollUntilContextCancel(ctx, j.pause, true, func(ctx context.Context) (isAnswered bool, _ error) {
		account, err := j.stripe.AccountOf(ctx, j.first)
		if err != nil {
			return errors.Is(err, stripeapi.ErrKeyRefused), nil
		}
		j.mutex.Lock()
		defer j.mutex.Unlock()
		j.account = cmp.Or(j.account, account)
		return true, nil
	}) // it ends with the process
	return nil
}

// judge refuses a key with which this process cannot go on, and one that Stripe refuses.
func (j *keyJudge) judge(ctx context.Context, from, to config.StripeAccess) error {
	isLive, _ := config.KeyMode(to.Key)
	wasLive, _ := config.KeyMode(from.Key)
	switch {
	case from.Base != to.Base:
		return credentials.NeedsRestart(config.EnvStripeAPIBase + " has changed: restart the operator to use it")
	case from.Key == "":
		return credentials.NeedsRestart(config.EnvStripeSecretKey + " is set, and was not at the start: restart the operator, so that it reads Stripe")
	case isLive != wasLive:
		return credentials.NeedsRestart(fmt.Sprintf("%s is a key of %s mode, and this process runs in %s mode: to change the mode, restart the operator",
			config.EnvStripeSecretKey, modeName(isLive), modeName(wasLive)))
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.refused.key == to.Key && time.Now().Before(j.refused.until) {
		return j.refused.why
	}
	account, err := j.stripe.AccountOf(ctx, to.Key)
	switch {
	case errors.Is(err, stripeapi.ErrKeyRefused):
		err = errors.New("stripe rejects the new " + config.EnvStripeSecretKey + ": put one there that Stripe accepts")
	case err != nil:
		return credentials.NotYet("Stripe does not say whether it accepts the new " + config.EnvStripeSecretKey + ", and is asked again")
	default:
		err = j.sameAccount(ctx, from.Key, account)
	}
	if err != nil {
		j.refused.key, j.refused.why, j.refused.until = to.Key, err, time.Now().Add(askAgain)
	}
	return err
}

// sameAccount refuses another account than that of the key in use. An account that Stripe does not name is taken for the same.
func (j *keyJudge) sameAccount(ctx context.Context, keyInUse, account string) error {
	if j.account == "" && account != "" {
		j.account, _ = j.stripe.AccountOf(ctx, keyInUse) // it may be refused already
	}
	switch {
	case account == "":
		return nil
	case j.account == "":
		j.account = account
		return nil
	case j.account != account:
		return credentials.NeedsRestart(fmt.Sprintf("%s is a key of the account %s, and this process works with %s: to change the account, restart the operator",
			config.EnvStripeSecretKey, account, j.account))
	}
	return nil
}

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}
