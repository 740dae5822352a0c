package stripeapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/stripe/stripe-go/v76"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

var (
	// ErrKeyRefused is in the chain of an error if Stripe refuses the API key itself: nothing can be read with it.
	ErrKeyRefused = errors.New("stripe refuses the API key")
	// ErrAccountRefused is in the chain of an error if the key has no access to the connected account, for example because
	// the account has disconnected from the platform. Other accounts can be read.
	ErrAccountRefused = errors.New("stripe refuses the account")
)

const (
	// firstProbe is the pause after the first refusal of a key or an account. It doubles with each further one, up to
	// maxProbe.
	firstProbe = time.Minute
	maxProbe   = 15 * time.Minute
	// probePatience is how long callers wait while a probe is under way.
	probePatience = requestTimeout
)

// RefusalError says that Stripe refuses the API key, or a connected account to it. After the answer that says so, requests
// fail with this error without being sent, until a pause has passed.
type RefusalError struct {
	// Account is the connected account that is refused; empty if the key is.
	Account string
	wait    time.Duration
	request string // the id of the request that Stripe refused; empty if none was sent
	// keyIsReplaced says that the key of the request is not in use any more.
	keyIsReplaced bool
}

// Error says what to do.
func (e *RefusalError) Error() string {
	text := "stripe rejects the API key: check STRIPE_SECRET_KEY"
	if e.Account != "" {
		text = fmt.Sprintf("the API key has no access to the account %s: connect it to your platform again, or take it out of --accounts", e.Account)
	}
	if e.request == "" {
		return fmt.Sprintf("%s (asked again in %s)", text, e.wait.Round(time.Second))
	}
	return fmt.Sprintf("%s (request %s)", text, e.request)
}

// Is makes it an ErrRefused, and one of ErrKeyRefused and ErrAccountRefused.
func (e *RefusalError) Is(target error) bool {
	return target == ErrRefused || target == ErrKeyRefused && e.Account == "" || target == ErrAccountRefused && e.Account != ""
}

// refusalScope is what an answer of Stripe refuses.
type refusalScope int

const (
	refusesNothing refusalScope = iota
	refusesAccount
	refusesKey
)

// scopeOf judges an answer to a request for the account. A restricted key that lacks one permission is answered 403 as
// well: that refuses neither key nor account. See https://docs.stripe.com/error-codes and
// https://docs.stripe.com/api/errors.
//
//	401                        "Invalid API Key provided", "Expired API Key provided" (api_key_expired)   the key
//	403 without a code         "… does not have the required permissions for this endpoint …"             nothing
//	403 account_invalid        "… does not have access to account … access may have been revoked."        the account
//	400 account_invalid        "… not connected to your platform or does not exist."                      the account
//	403 without a code         "… does not allow requests from your IP address."                          the key
func scopeOf(rejection *stripe.Error, account string) refusalScope {
	isRefusal := rejection.HTTPStatusCode == http.StatusBadRequest || rejection.HTTPStatusCode == http.StatusForbidden
	isAboutAccount := rejection.Code == stripe.ErrorCodeAccountInvalid || rejection.Code == stripe.ErrorCodePlatformAccountRequired ||
		rejection.HTTPStatusCode == http.StatusForbidden && strings.Contains(rejection.Msg, "does not have access to account")
	isAboutKey := rejection.Code == stripe.ErrorCodeAPIKeyExpired || rejection.Code == stripe.ErrorCodePlatformAPIKeyExpired ||
		rejection.HTTPStatusCode == http.StatusForbidden && strings.Contains(rejection.Msg, "does not allow requests from your IP address")
	switch {
	case rejection.HTTPStatusCode == http.StatusUnauthorized, isRefusal && isAboutKey:
		return refusesKey
	case isRefusal && isAboutAccount && account != "":
		return refusesAccount
	default:
		return refusesNothing
	}
}

// circuit is a key or an account that Stripe refuses.
type circuit struct {
	pause     time.Duration
	probeAt   time.Time
	isProbing bool
}

// left is how long to wait for the next probe; 0 if it may be sent now.
func (c *circuit) left(now time.Time) time.Duration {
	switch left := c.probeAt.Sub(now); {
	case c.isProbing:
		return probePatience
	case left > 0:
		return left
	default:
		return 0
	}
}

// circuits are the open circuits of a client: the key's, and those of connected accounts. An account that is not refused
// has none. When another key comes into use, all are closed: Stripe has refused the one before. They are safe for concurrent use.
type circuits struct {
	keyInUse func() string
	judged   string // the key that the circuits are about

	mutex    sync.Mutex
	log      logr.Logger
	first    time.Duration // the pause after a first refusal
	key      *circuit      // nil while Stripe accepts the key
	accounts map[string]*circuit
}

// permit is the permission to send one request, and says of which circuits the request is the probe.
type permit struct {
	key                      string // to send the request with
	probesKey, probesAccount bool
}

// takeKey returns the key in use, and closes the circuits if it is another one than before.
func (c *circuits) takeKey() string {
	if key := c.keyInUse(); key != c.judged {
		isRefused := c.key != nil
		c.judged, c.key, c.accounts = key, nil, map[string]*circuit{}
		if isRefused {
			c.log.Info("Another API key is in use: Stripe is read again")
		}
		c.publish()
	}
	return c.judged
}

// check returns a *RefusalError if a request for the account may not be sent now.
func (c *circuits) check(account string, now time.Time) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.takeKey()
	return c.refusal(account, now)
}

func (c *circuits) refusal(account string, now time.Time) error {
	if c.key != nil {
		if left := c.key.left(now); left > 0 {
			return &RefusalError{wait: left}
		}
	}
	if open := c.accounts[account]; open != nil {
		if left := open.left(now); left > 0 {
			return &RefusalError{Account: account, wait: left}
		}
	}
	return nil
}

// begin is check for a request that is sent next, and that end is called for.
func (c *circuits) begin(account string, now time.Time) (permit, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	key := c.takeKey()
	if err := c.refusal(account, now); err != nil {
		return permit{}, err
	}
	p := permit{key: key, probesKey: c.key != nil, probesAccount: c.accounts[account] != nil}
	if p.probesKey {
		c.key.isProbing = true
	}
	if p.probesAccount {
		c.accounts[account].isProbing = true
	}
	return p, nil
}

// end takes the answer to a request: what it refuses, and whether Stripe has judged the key at all, which it has not if the
// request was lost. Only a probe closes a circuit: another answer may be older than the refusal. An answer to a request with a key
// that is not in use any more says nothing about the one that is.
func (c *circuits) end(
	p permit, account string, scope refusalScope, isJudged bool, now time.Time,
) (wait time.Duration, keyIsReplaced bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	defer c.publish()
	if c.takeKey() != p.key {
		return time.Second, true
	}
	isKeyRefused, isAccountRefused := scope == refusesKey, scope == refusesAccount
	if c.key.settle(p.probesKey, isKeyRefused, isJudged, now) {
		c.key = nil
		c.log.Info("Stripe accepts the API key again")
	}
	if open := c.accounts[account]; open.settle(p.probesAccount, isAccountRefused, isJudged && !isKeyRefused, now) {
		delete(c.accounts, account)
		c.log.Info("Stripe gives access to the account again", "account", account)
	}
	switch {
	case isKeyRefused && c.key == nil:
		c.key = &circuit{pause: c.first, probeAt: now.Add(c.first)}
		c.log.Info("Stripe rejects the API key: nothing is read from Stripe until it is accepted. Check STRIPE_SECRET_KEY")
	case isAccountRefused && c.accounts[account] == nil:
		c.accounts[account] = &circuit{pause: c.first, probeAt: now.Add(c.first)}
		c.log.Info("Stripe gives the API key no access to the account: it is not read until it is connected to your platform again",
			"account", account)
	}
	switch {
	case isKeyRefused:
		return max(c.key.left(now), time.Second), false
	case isAccountRefused:
		return max(c.accounts[account].left(now), time.Second), false
	default:
		return 0, false
	}
}

// settle ends a probe. It reports whether that closes the circuit. Else the next probe is due after a longer pause, or,
// if the probe was not judged, after the same one.
func (c *circuit) settle(isProbe, isRefused, isJudged bool, now time.Time) (closes bool) {
	if c == nil || !isProbe {
		return false
	}
	c.isProbing = false
	if isJudged && !isRefused {
		return true
	}
	if isRefused {
		c.pause = min(2*c.pause, maxProbe)
	}
	c.probeAt = now.Add(c.pause)
	return false
}

// publish sets the metrics.
func (c *circuits) publish() {
	isKeyRefused := 0.0
	if c.key != nil {
		isKeyRefused = 1
	}
	metrics.StripeKeyRefused.Set(isKeyRefused)
	metrics.StripeAccountsRefused.Set(float64(len(c.accounts)))
}

func newCircuits(key func() string) circuits {
	return circuits{keyInUse: key, judged: key(), first: firstProbe, accounts: map[string]*circuit{}}
}

// KeyChanged has the metrics and Refused say at once, and not with the next request, that another key is in use.
func (c *Client) KeyChanged() {
	c.circuits.mutex.Lock()
	defer c.circuits.mutex.Unlock()
	c.circuits.takeKey()
}

// ProbeAfter replaces the pause after a first refusal, which is a minute. It doubles with each further one.
func (c *Client) ProbeAfter(first time.Duration) { c.circuits.first = first }

// LogTo makes the client log when Stripe begins and ceases to refuse the key or an account: once for each change.
func (c *Client) LogTo(log logr.Logger) {
	c.circuits.mutex.Lock()
	defer c.circuits.mutex.Unlock()
	c.circuits.log = log
}

// Refused reports whether Stripe refuses the API key now, and how many connected accounts it refuses to the key.
func (c *Client) Refused() (isKeyRefused bool, accounts int) {
	c.circuits.mutex.Lock()
	defer c.circuits.mutex.Unlock()
	return c.circuits.key != nil, len(c.circuits.accounts)
}

// isJudged reports whether the outcome of a request says that Stripe accepts the key, or refuses it: a 429 may be sent
// before the key is looked at.
func isJudged(err error) bool {
	var rejection *stripe.Error
	if !errors.As(err, &rejection) {
		return err == nil
	}
	return rejection.HTTPStatusCode < http.StatusInternalServerError && rejection.HTTPStatusCode != http.StatusTooManyRequests
}
