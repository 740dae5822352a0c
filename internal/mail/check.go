package mail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mailgun/mailgun-go/v4"
)

// Check is what Mailgun says of the domain and the key.
type Check struct {
	// MayReadLog reports that the key may read Mailgun's log of the domain's events.
	MayReadLog bool
	// State is Mailgun's state of the domain: active, unverified or disabled. It is empty if the key may not read it.
	State string
}

// ErrDomainUnknown reports that Mailgun does not have the domain, for this key and at this API.
var ErrDomainUnknown = errors.New("mailgun does not have the domain")

// Check asks Mailgun about the domain, and sends nothing. A key that may only send is refused both questions, as a wrong key is:
// then MayReadLog is false and State is empty, with no error. See
// https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains.
func (m *Mailgun) Check(ctx context.Context) (Check, error) {
	var check Check
	client, settings := m.client()
	list := client.ListEvents(&mailgun.ListEventOptions{Begin: time.Now().Add(-time.Minute), ForceAscending: true, Limit: 1})
	var found []mailgun.Event
	list.Next(ctx, &found)
	switch code, err := codeOf(list.Err()); {
	case code == http.StatusNotFound:
		return check, ErrDomainUnknown
	case err != nil && !keyRefused(code):
		return check, fmt.Errorf("read Mailgun's log: %w", err)
	default:
		check.MayReadLog = err == nil
	}
	domain, err := client.GetDomain(ctx, settings.Domain)
	switch code, err := codeOf(err); {
	case code == http.StatusNotFound:
		return check, ErrDomainUnknown
	case err != nil && !keyRefused(code):
		return check, fmt.Errorf("read the domain from Mailgun: %w", err)
	}
	check.State = domain.Domain.State
	return check, nil
}

// codeOf is the status code that Mailgun answered with, or 0, and the error without what Mailgun's answer repeats.
func codeOf(err error) (int, error) {
	if err == nil {
		return 0, nil
	}
	if answered, ok := errors.AsType[*mailgun.UnexpectedResponseError](err); ok {
		return answered.Actual, fmt.Errorf("it answered %d", answered.Actual)
	}
	return 0, classify(err)
}
